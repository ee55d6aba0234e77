"""Targets: clients over HTTP/2 and HTTP/1.1 that send anything, cut anywhere."""

from collections import Counter

import dotproxy.http.frames as h
from dotproxy.http.credit import MOST
from dotproxy.http.settings import STREAMS
from fuzz.holding import settle
from fuzz.octets import Octets
from fuzz.streams import Client, leave, play
from fuzz.watching import nothing_unhandled

PATH = "/dns-query"

BEGINNING = h.PREFACE + h.frame(h.SETTINGS, 0, 0)

ANSWERS = MOST
"""Turns in which all that an input can ask for has its answer."""


def fuzz_h2(octets: bytes) -> None:
    """What is said is HTTP/2: whole frames, and on each stream one response at most."""
    choices = Octets(octets)
    with nothing_unhandled():
        client = Client(PATH)
        play(client, choices, BEGINNING)
        _answer(client)
        said = client.transport.value()
        assert client.protocol._speech.held <= STREAMS * 0xFFFF
        leave(client)
        # Who was not read when it began says something else to us.
        if not said.startswith(b"HTTP/1.1 "):
            _judge_frames(said)


def fuzz_h1(octets: bytes) -> None:
    """What is said is HTTP/1.1, and nothing but responses."""
    with nothing_unhandled():
        client = Client(PATH)
        play(client, Octets(octets))
        _answer(client)
        said = client.transport.value()
        leave(client)
        # Octets that begin as HTTP/2 does are answered so.
        assert not said or said.startswith((b"HTTP/1.1 ", b"\0"))


def _answer(client: Client) -> None:
    """Let the upstream answer, and turns go by, until nobody waits."""
    client.resume()
    for _ in range(ANSWERS):
        client.clock.advance(0)
        if all(each.called for each in client.upstream.waiting):
            break
        settle(client.upstream, 0, bytes(8))
    client.clock.advance(0)


def _judge_frames(said: bytes) -> None:
    heads: Counter[int] = Counter()
    ends: Counter[int] = Counter()
    at = 0
    while at < len(said):
        high, low, kind, flags, stream = h.HEADER.unpack_from(said, at)
        size = high << 16 | low
        assert size <= h.LARGEST, "no frame is larger than anybody takes"
        if kind in (h.HEADERS, h.DATA):
            assert not ends[stream], "nothing comes behind the end"
            heads[stream] += kind == h.HEADERS
            ends[stream] += flags & h.END_STREAM
            assert heads[stream] == 1, "a response has one head"
        at += h.HEADER.size + size
    assert at == len(said), "frames are whole"
