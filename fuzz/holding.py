"""An upstream that keeps what it is asked, and answers with octets of the input."""

from twisted.python.failure import Failure

from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.answer import parse_answer
from dotproxy.wire.message import FormatError
from fuzz.octets import answered
from tests.clients import Held


def waiting(upstream: Held) -> list[int]:
    """Return the places of the queries that have no answer yet."""
    return [n for n, it in enumerate(upstream.waiting) if not it.called]


def settle(upstream: Held, place: int, rest: bytes) -> None:
    """Answer one of these queries; or fail, where the octets are no answer."""
    places = waiting(upstream)
    if not places:
        return
    place = places[place % len(places)]
    wish = upstream.asked[place]
    try:
        answer = parse_answer(answered(wish.wire, wish.question, rest))
    except FormatError as fault:
        upstream.waiting[place].errback(Failure(UpstreamError(str(fault))))
    else:
        upstream.waiting[place].callback(answer)
