"""Room for connections."""

import resource

from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.descriptors import room_for

INFINITE = resource.RLIM_INFINITY


class RoomTests(SynchronousTestCase):
    def limit(self, soft: int, hard: int) -> list[tuple[int, int]]:
        """Let the system have these limits; return what is asked of it."""
        asked: list[tuple[int, int]] = []
        self.patch(resource, "getrlimit", lambda _: (soft, hard))
        self.patch(resource, "setrlimit", lambda _, limits: asked.append(limits))
        return asked

    def test_enough(self) -> None:
        """Where there is room nothing is asked for."""
        for soft in (4256, INFINITE):
            asked = self.limit(soft, INFINITE)
            assert room_for(2000) == 2000
            assert asked == []

    def test_raised(self) -> None:
        """The soft limit is raised, as far as it must be."""
        for hard in (100_000, INFINITE):
            asked = self.limit(1024, hard)
            assert room_for(2000) == 2000
            assert asked == [(4256, hard)]

    def test_scarce(self) -> None:
        """Where the hard limit is low, fewer connections fit."""
        asked = self.limit(1024, 2256)
        assert room_for(2000) == 1000
        assert asked == [(2256, 2256)]

    def test_hardly_any(self) -> None:
        """One always fits."""
        self.limit(64, 64)
        assert room_for(2000) == 1
