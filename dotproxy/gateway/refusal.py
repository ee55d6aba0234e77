"""Why a client is not relayed."""

MISSING_EXTENSION, UNRECOGNIZED_NAME = 109, 112
"""Alerts: no server is named, though one must be; or none that is known here (RFC 8446
sections 6 and 9.2, RFC 6066 section 3)."""


class Refusal(Exception):
    """A client is turned away: `word` is for the counters, `alert` for the client.

    Without an alert the connection is just closed.
    """

    def __init__(self, word: str, what: str, alert: int | None = None) -> None:
        super().__init__(what)
        self.word = word
        self.alert = alert
