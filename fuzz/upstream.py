"""Targets: an upstream that says anything, at any time."""

from contextlib import suppress
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from dotproxy.upstream.addresses import Addresses
from dotproxy.upstream.bootstrap.lookup_message import (
    Family,
    Found,
    read_reply,
    write_query,
)
from dotproxy.upstream.connection import State
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.pool import Limits, Pool
from dotproxy.upstream.strategy import Strategy, order_by
from dotproxy.wire.answer import Answer, replies_to
from dotproxy.wire.framing import frame
from dotproxy.wire.message import HEADER, LONGEST, fold
from dotproxy.wire.query import Query, parse_query
from fuzz.octets import Octets, answered
from fuzz.watching import nothing_unhandled
from tests.connections import Network, Peer, Waiting, a_query

LIMITS = Limits(max_in_flight=3, max_connections=2)

NAMES = ("a.example", "b.example", "A.EXAMPLE", "c.example")

STATES = list(State)

TICK = 0.1

Ended = list[tuple[Query, Answer | Failure]]


def fuzz_connection(octets: bytes) -> None:
    """Whatever comes over a connection, what was asked on it ends once."""
    choices = Octets(octets)
    with nothing_unhandled():
        peer = Peer(Clock()).greet()
        peer.connection.on_failed = lambda asked, error: asked.fail(error)
        ended: Ended = []
        asked = 0
        state = peer.connection.state
        while choices and not peer.gone:
            what = choices.number()
            if what % 8 == 0 and peer.connection.state is State.READY:
                waiting = Waiting(
                    a_query(NAMES[what // 8 % 4], peer.clock.seconds() + 5)
                )
                _note(waiting.answer, waiting.asked.query, ended)
                peer.connection.ask(waiting.asked, 128)
                asked += 1
            else:
                _happen(peer, what, choices)
            assert STATES.index(peer.connection.state) >= STATES.index(state)
            state = peer.connection.state
        peer.hang_up()
        for left in peer.connection.pending.unanswered():
            left.fail(UpstreamError("the connection is gone"))
        assert len(ended) == asked, "each query ends"
        _judge(ended)
        peer.clock.advance(10)
        assert not peer.clock.getDelayedCalls(), "no call is left"


def fuzz_upstream(octets: bytes) -> None:
    """Whatever upstreams say or do, each query ends once, by its deadline."""
    choices = Octets(octets)
    with nothing_unhandled():
        clock = Clock()
        networks = [Network(clock), Network(clock)]
        dots = [_upstream(network, clock) for network in networks]
        random = Random(choices.number())
        strategies = ("failover", "race", "fastest", "round-robin")
        name = strategies[choices.number(len(strategies))]
        strategy = Strategy(dots, order_by(name, random), clock, name == "race")
        peers: list[Peer] = []
        ended: Ended = []
        asked = 0
        while choices:
            what = choices.number()
            calls = [it for each in networks for it in each.calls if _rings(it)]
            if what % 8 == 0:
                query = a_query(NAMES[what // 8 % 4], clock.seconds() + 3)
                _note(strategy.exchange(query), query, ended)
                asked += 1
            elif what % 8 == 1 and calls:
                peers.append(calls[what // 8 % len(calls)].take())
            elif what % 8 == 2 and calls:
                calls[what // 8 % len(calls)].refuse()
            elif what % 8 == 3:
                clock.pump([TICK] * (what // 8))
            else:
                peers = [it for it in peers if not it.gone]
                if peers:
                    _happen(peers[what // 8 % len(peers)], what, choices)
        clock.pump([TICK] * 32)
        assert len(ended) == asked, "each query has ended at its deadline"
        _judge(ended)
        strategy.stop()
        for peer in peers:
            peer.hang_up()
        clock.pump([TICK] * 100)
        assert not clock.getDelayedCalls(), "no call is left"


def fuzz_lookup(octets: bytes) -> None:
    """The reply of a plain resolver has addresses, or there is an UpstreamError."""
    choices = Octets(octets)
    family = Family.A if choices.number(2) else Family.AAAA
    query = write_query("dns.example", family, 0x1234)
    reply = choices.rest()
    for each in (reply, answered(query, query[HEADER.size : -11], reply)):
        if replies_to(each, query):
            with suppress(UpstreamError):
                found = read_reply(each)
                assert isinstance(found, Found)
                assert found.addresses
                assert found.ttl >= 0


def _upstream(network: Network, clock: Clock) -> DoT:
    pool = Pool(Addresses(["192.0.2.1"]), network.attempt, clock, LIMITS)
    return DoT("lab", pool, clock)


def _rings(call: Any) -> bool:
    return not (call.connecting.called or call.cancelled)


def _happen(peer: Peer, what: int, choices: Octets) -> None:
    """Let a peer say something, or let something befall the connection."""
    if peer.connection.state in (State.CLOSING, State.CLOSED):
        peer.clock.advance(0)
        return
    queries = peer.queries
    kind, number = what % 8, what // 8
    if kind == 1:
        peer.connection.dataReceived(choices.take(number * 4))
    elif kind in (2, 5) and queries:
        query = parse_query(queries[-1 - number % len(queries)])
        rest = choices.take(8 + number * 4)
        other = a_query(NAMES[number % 4]).question
        question = query.question if kind == 2 else other
        peer.say(answered(query.wire, question, rest))
    elif kind in (3, 6):
        peer.say(choices.take(number * 4)[:LONGEST])
    elif kind == 4 and number < 8:
        peer.clock.advance(number)
        peer.connection.expire(peer.clock.seconds())
    elif kind == 4 and number < 10:
        peer.connection.drain()
    elif kind == 4 and number < 14:
        peer.hang_up()
    elif kind == 7:
        peer.held.append(frame(choices.take(number)))


def _note(ending: Deferred[Answer], query: Query, ended: Ended) -> None:
    """Note how a query ends.  A Deferred that fires twice raises by itself."""

    def note(outcome: Answer | Failure) -> None:
        ended.append((query, outcome))

    ending.addBoth(note)


def _judge(ended: Ended) -> None:
    """Find fault with how queries ended: with an answer to them, or UpstreamError."""
    for query, outcome in ended:
        if isinstance(outcome, Failure):
            assert outcome.check(UpstreamError), outcome
        elif outcome.body[4:6] != b"\0\0":
            end = HEADER.size + len(query.question)
            assert fold(outcome.body[HEADER.size : end]) == fold(query.question)
        else:
            assert outcome.rcode, "an answer without its question is an error"
