"""The descriptors that the system allows."""

from dotproxy.descriptors import raise_descriptors, room
from tests.system import ENDLESS, SystemTests


class DescriptorsTests(SystemTests):
    def test_enough(self) -> None:
        """A limit that is high enough is left alone."""
        for soft in (5000, ENDLESS):
            self.system(soft, ENDLESS)
            assert raise_descriptors(5000) == 5000
            assert self.set == []

    def test_endless(self) -> None:
        """No hard limit bounds nothing."""
        self.system(1024, ENDLESS)
        assert raise_descriptors(5000) == 5000
        assert self.set == [(5000, ENDLESS)]

    def test_refused(self) -> None:
        """A system that refuses leaves what there is."""
        for fault in (ValueError(), OSError()):
            self.system(1024, ENDLESS, fault)
            assert raise_descriptors(5000) == 1024

    def test_room(self) -> None:
        """However few there are, half is left for what is no client."""
        assert room(1000, 100, 5000) == 900
        assert room(1000, 100, 50) == 50
        assert room(64, 100, 5000) == 32
        assert room(1, 100, 5000) == 1
