"""Blocks of header fields."""

from unittest import TestCase

import hpack

from dotproxy.http.blocks import LONGEST, MOST, Blocks, create_decoder, is_bare
from dotproxy.http.request import Request
from dotproxy.http.responses import MOST as MOST_HEADS
from dotproxy.http.responses import Heads
from tests.http_clients import POST, get_of
from tests.messages import ADDRESS, BACK, EXAMPLE, message, record
from tests.test_request import PATH

QUERY = message(0x0100, [EXAMPLE])


def bare() -> hpack.Encoder:
    """Return an encoder that has no table any more."""
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    return encoder


class BlocksTests(TestCase):
    def setUp(self) -> None:
        self.blocks = Blocks(PATH)

    def test_no_table(self) -> None:
        """A client without a table is read the same each time, and so is the next."""
        encoder = bare()
        first, again = encoder.encode(get_of(QUERY)), encoder.encode(get_of(QUERY))
        for _ in range(2):
            decoder = create_decoder()
            assert self.blocks.read(first, decoder) == Request(QUERY)
            assert is_bare(decoder)
            assert self.blocks.read(again, decoder) == Request(QUERY)

    def test_table(self) -> None:
        """With a table the same octets may mean another thing, and are read anew."""
        for query in (QUERY, message(0x0100, [EXAMPLE.replace(b"com", b"net")])):
            encoder, decoder = hpack.Encoder(), create_decoder()
            self.blocks.read(encoder.encode(get_of(query)), decoder)
            indexed = encoder.encode(get_of(query))
            assert self.blocks.read(indexed, decoder) == Request(query)
        post = hpack.Encoder().encode(POST)
        assert self.blocks.read(post, create_decoder()) == Request()

    def test_bounded(self) -> None:
        """As many are remembered as there is room for, and no long ones."""
        decoder, encoder = create_decoder(), bare()
        for number in range(MOST + 2):
            query = QUERY + number.to_bytes(2, "big")
            block = encoder.encode(get_of(query))
            assert self.blocks.read(block, decoder) == Request(query)
        assert len(self.blocks._known) <= MOST
        before = len(self.blocks._known)
        self.blocks.read(encoder.encode(get_of(bytes(LONGEST))), decoder)
        assert len(self.blocks._known) == before


class HeadsTests(TestCase):
    def test_bounded(self) -> None:
        """As many heads are ready as there is room for."""
        heads = Heads()
        for number in range(MOST_HEADS + 2):
            answer = record(BACK, 1, ADDRESS, ttl=number)
            reply = message(0x8180, [EXAMPLE], [answer])
            head = hpack.Decoder().decode(heads.of(reply))
            assert ("cache-control", f"max-age={number}") in head
        assert len(heads._ready) <= MOST_HEADS
