"""How an upstream fares: up or down, since when, and how fast it answers."""

import re

from dotproxy.upstream.durations import Durations

FIRST_PAUSE = 0.1
"""Seconds before an upstream that failed once is tried again; doubles each time."""

PAUSE_WHILE_SERVED, PAUSE_WHILE_DARK = 5.0, 0.5
"""The longest pause in seconds: while another upstream answers, and while none does."""

LEAST_PATIENCE, MOST_PATIENCE = 0.1, 1.0
"""Bounds in seconds on how long an answer may take before another is asked too."""


MOST_REASONS = 8
"""Reasons of one outage that are news; who fails in more ways was heard of enough."""

_NUMBERS = re.compile("[0-9]+")


class Health:
    """What was seen of one upstream.  Times are seconds of one clock."""

    __slots__ = (
        "_deviation", "_told", "_tried_at", "durations", "failures", "outages",
        "reason", "usual",
    )  # fmt: skip

    def __init__(self) -> None:
        self.failures = 0
        self.outages = 0
        """Times that it went down."""
        self.durations = Durations()
        self.reason = ""
        self.usual: float | None = None
        """Smoothed time to answer, in seconds; None before the first answer."""
        self._deviation = 0.0
        self._tried_at = 0.0
        self._told: set[str] = set()

    @property
    def down(self) -> bool:
        """Whether it failed, and has not answered since."""
        return self.failures > 0

    @property
    def patience(self) -> float:
        """Seconds after which an answer is late, by this upstream's own measure."""
        if self.usual is None:
            return MOST_PATIENCE
        late = self.usual + 4 * self._deviation
        return min(max(late, LEAST_PATIENCE), MOST_PATIENCE)

    def answered(self, seconds: float) -> bool:
        """Note an answer and how long it took; return whether that ends an outage.

        Smoothed as round-trip times are (RFC 6298 section 2).
        """
        self.durations.add(seconds)
        if self.usual is None:
            self.usual, self._deviation = seconds, seconds / 2
        else:
            self._deviation += (abs(seconds - self.usual) - self._deviation) / 4
            self.usual += (seconds - self.usual) / 8
        recovered = self.failures > 0
        self.failures = 0
        self._told.clear()
        return recovered

    def failed(self, now: float, reason: str) -> bool:
        """Note a failure; return whether it is news: a reason that this outage did not
        have yet.  Numbers, such as the time, do not make another one of it."""
        self.outages += not self.failures
        self.failures += 1
        self.reason = reason
        self._tried_at = now
        gist = _NUMBERS.sub("", reason)
        if gist in self._told or len(self._told) >= MOST_REASONS:
            return False
        self._told.add(gist)
        return True

    def due(self, now: float, longest_pause: float) -> bool:
        """Whether an upstream that is down may be tried again."""
        doubled = FIRST_PAUSE * (1 << min(self.failures - 1, 10))
        return now >= self._tried_at + min(doubled, longest_pause)

    def tried(self, now: float) -> None:
        """Note that it is being tried, so that not everybody tries at once."""
        self._tried_at = now
