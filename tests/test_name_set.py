"""Many names in little memory."""

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.local.name_set import AT_ONCE, NameSet, Packing, pack


class NameSetTests(TestCase):
    @given(st.integers(0, 3), st.integers(-1, 1))
    def test_all_come_back(self, packs: int, more: int) -> None:
        """What was added comes back in its order, however many packs it fills."""
        added = [b"\5%05d\0" % number for number in range(packs * AT_ONCE + more)]
        packing = Packing()
        for name in added:
            packing.add(name)
        names = packing.names()
        assert list(names) == added
        assert len(names) == len(added)
        assert len(names.packs) == -(-len(added) // AT_ONCE)

    def test_nothing(self) -> None:
        """A set of nothing is the same as no set at all."""
        assert Packing().names() == NameSet()
        assert list(NameSet()) == []


class PackTests(TestCase):
    def test_pack(self) -> None:
        """Names can be packed in one step."""
        names = [b"\1a\0", b"\1b\0"]
        assert list(pack(names)) == names
        assert len(pack([])) == 0
