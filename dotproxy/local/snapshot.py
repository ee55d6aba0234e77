"""The cache in one piece, to be kept over a restart.

    magic 16, then until the end of the data:
    age 4, length of key 2, length of entry 4, key, entry
    and the CRC-32 of all before it 4

Ages are in seconds at the time of writing; so the file's own age comes on top.
"""

import struct
from collections.abc import Iterable, Iterator
from zlib import crc32

from dotproxy.wire.message import FormatError

MAGIC = b"dotproxy cache 1"

_ITEM = struct.Struct("!IHI")
_SUM = struct.Struct("!I")


def dump(items: Iterable[tuple[int, bytes, bytes]]) -> bytes:
    """Write what `Cache.entries` gives."""
    parts = [MAGIC]
    for age, key, entry in items:
        parts += (_ITEM.pack(age, len(key), len(entry)), key, entry)
    whole = b"".join(parts)
    return whole + _SUM.pack(crc32(whole))


def load(snapshot: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Return what was dumped, in its order; FormatError if any of it is damaged.

    The sum is checked at once, the items as they are taken.
    """
    end = len(snapshot) - _SUM.size
    whole = memoryview(snapshot)[: max(end, 0)]
    if bytes(whole[: len(MAGIC)]) != MAGIC:
        raise FormatError("it is no cache of this version")
    if _SUM.pack(crc32(whole)) != snapshot[end:]:
        raise FormatError("it is damaged")
    return _items(snapshot, end)


def _items(snapshot: bytes, end: int) -> Iterator[tuple[int, bytes, bytes]]:
    at = len(MAGIC)
    while at < end:
        try:
            age, key, entry = _ITEM.unpack_from(snapshot, at)
        except struct.error:
            raise FormatError("it is cut short") from None
        at += _ITEM.size
        if at + key + entry > end:
            raise FormatError("it is cut short")
        yield age, snapshot[at : at + key], snapshot[at + key : at + key + entry]
        at += key + entry
