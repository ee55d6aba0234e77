"""What a client of HTTP/2 may do that asks for nothing (RFC 9113 section 10.5)."""

from dotproxy.http.frames import BrokenError, Error

MOST, RESET, EARNED = 1000, 10, 10
"""What a client may spend on frames that ask for nothing, one for each; what a stream
costs that it takes back; and what an answer earns.  So there may be a hundred streams
for nothing in a row, and as many as it likes among others (CVE-2023-44487)."""


class Credit:
    """Spent on what is of no use, earned by what is."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST

    def spend(self, credit: int) -> None:
        """Take some away.  Raises BrokenError if there is none left."""
        self.left -= credit
        if self.left < 0:
            raise BrokenError(Error.ENHANCE_YOUR_CALM, "much ado about nothing")

    def earn(self) -> None:
        """Give some back, for an answer."""
        self.left = min(self.left + EARNED, MOST)
