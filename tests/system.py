"""A system that has so many descriptors, and no more."""

import resource

from twisted.trial.unittest import SynchronousTestCase

ENDLESS = resource.RLIM_INFINITY


class SystemTests(SynchronousTestCase):
    def system(self, soft: int, hard: int, fault: Exception | None = None) -> None:
        """Let the system have these limits, or refuse others."""
        self.set: list[tuple[int, int]] = []

        def put(_: int, limits: tuple[int, int]) -> None:
            if fault:
                raise fault
            self.set.append(limits)

        self.patch(resource, "getrlimit", lambda _: (soft, hard))
        self.patch(resource, "setrlimit", put)
