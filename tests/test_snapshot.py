"""The cache in one piece."""

from contextlib import suppress
from unittest import TestCase
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.caching import Caching
from dotproxy.local.cache import Cache
from dotproxy.local.snapshot import MAGIC, dump, load
from dotproxy.wire.message import FormatError
from tests.messages import quick, spoiled
from tests.words import Time, answering, asking, ttls

Items = list[tuple[int, bytes, bytes]]

ITEMS: Items = [(0, b"key", b"entry"), (2**32 - 1, b"", b""), (7, b"k" * 260, b"\0")]

items = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=40), st.binary()),
    max_size=5,
)


class RoundTripTests(TestCase):
    @quick
    @given(items)
    def test_any(self, some: Items) -> None:
        """What was dumped comes back, in its order."""
        assert list(load(dump(some))) == some

    def test_empty(self) -> None:
        """A cache without an answer is one, too."""
        assert list(load(dump([]))) == []
        assert dump([]) == MAGIC + crc32(MAGIC).to_bytes(4, "big")

    def test_layout(self) -> None:
        """The layout is what later versions must read, or refuse by its magic."""
        whole = MAGIC + b"\0\0\0\x09" + b"\0\2" + b"\0\0\0\3" + b"ab" + b"cde"
        assert MAGIC == b"dotproxy cache 1"
        assert dump([(9, b"ab", b"cde")]) == whole + crc32(whole).to_bytes(4, "big")

    def test_longest(self) -> None:
        """Keys and entries are as long as the longest name and message."""
        some = [(1, b"k" * (255 + 5), b"e" * (2**16 + 2**15))]
        assert list(load(dump(some))) == some

    def test_of_a_cache(self) -> None:
        """A cache goes there and back, its answers as old as they were."""
        time = Time()
        cache, other = Cache(Caching(), time), Cache(Caching(), Time(5.0))
        queries = [asking(name) for name in ("example.com", "example.net")]
        for query in queries:
            cache.learn(query, answering(query, "@ 300 A 192.0.2.1"))
            time.now += 10
        for age, key, entry in load(dump(cache.entries())):
            other.restore(age, key, entry)
        assert [ttls(other.answer(query)) for query in queries] == [[280], [290]]
        assert other.octets == cache.octets


class DamagedTests(TestCase):
    """All is looked at before anything is given: the first item is none the better."""

    def test_any_octet(self) -> None:
        """A snapshot with any octet changed is refused."""
        whole = dump(ITEMS)
        for at in range(len(whole)):
            for change in (0x01, 0x80, 0xFF):
                damaged = bytearray(whole)
                damaged[at] ^= change
                with pytest.raises(FormatError):
                    load(bytes(damaged))

    def test_cut(self) -> None:
        """One that was cut, wherever that is, is refused."""
        whole = dump(ITEMS)
        for end in range(len(whole)):
            with pytest.raises(FormatError):
                load(whole[:end])

    def test_appended(self) -> None:
        """One with octets behind it is refused, and so are two in one."""
        for more in (b"\0", b"\n", bytes(4), bytes(10), dump(ITEMS)):
            with pytest.raises(FormatError, match="damaged"):
                load(dump(ITEMS) + more)

    def test_swapped(self) -> None:
        """One whose parts have changed places is refused."""
        first, second = dump([ITEMS[0]])[16:-4], dump([ITEMS[2]])[16:-4]
        assert dump([ITEMS[0], ITEMS[2]])[16:-4] == first + second
        checked = dump([ITEMS[0], ITEMS[2]])[-4:]
        with pytest.raises(FormatError, match="damaged"):
            load(MAGIC + second + first + checked)

    def test_zeros(self) -> None:
        """One whose end was never written, as a crash leaves it, is refused."""
        whole = dump(ITEMS)
        for end in range(16, len(whole) - 4):
            with pytest.raises(FormatError, match="damaged"):
                load(whole[:end].ljust(len(whole), b"\0"))

    def test_cut_with_a_right_sum(self) -> None:
        """Items that run off the end are damage, too, though the sum is right."""
        whole = dump([(7, b"key", b"entry")])[:-4]
        for end in range(len(MAGIC) + 1, len(whole)):
            cut = whole[:end] + crc32(whole[:end]).to_bytes(4, "big")
            with pytest.raises(FormatError, match="it is cut short"):
                list(load(cut))

    def test_what_is_wrong(self) -> None:
        """Whose file it is not, and whose it was, is told apart."""
        for other in (b"", b"dotproxy", b"x" * 200, b"dotproxy cache 2" + bytes(8)):
            with pytest.raises(FormatError, match=r"^it is no cache of this version$"):
                load(other)
        with pytest.raises(FormatError, match=r"^it is damaged$"):
            load(MAGIC + bytes(4))

    @quick
    @given(
        st.binary()
        | st.binary().map(lambda octets: MAGIC + octets)
        | spoiled(items.map(dump))
    )
    def test_whatever_the_octets(self, octets: bytes) -> None:
        """Whatever the octets, they are a snapshot or a fault, and known at once."""
        with suppress(FormatError):
            found = load(octets)
            assert dump(found) == octets
