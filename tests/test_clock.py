"""The clock that answers are kept by."""

import time
from unittest import TestCase, mock

from dotproxy import clock


class UptimeTests(TestCase):
    def test_forwards(self) -> None:
        """It goes on at the pace of other clocks, and never back."""
        before, begin = clock.uptime(), time.perf_counter()
        time.sleep(0.01)
        passed, elapsed = clock.uptime() - before, time.perf_counter() - begin
        assert 0.009 < passed <= elapsed + 0.01

    def test_elsewhere(self) -> None:
        """Where no clock counts the machine's sleep, the monotonic one must do."""
        with mock.patch.object(clock, "_CLOCK", time.CLOCK_MONOTONIC):
            assert abs(clock.uptime() - time.monotonic()) < 1
