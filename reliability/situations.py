"""What goes wrong with an upstream, and what users may count on then."""

from typing import NamedTuple


class Situation(NamedTuple):
    """Faults of the lab that make one situation, and what is promised in it."""

    title: str
    faults: tuple[str, ...]
    promise: str
    unverified: bool = False
    """Whether the upstream cannot prove who it is, so that it must hear no query."""
    pinned: bool = False
    """Whether the upstreams' keys are pinned."""


CUT = "reset-after=0"
"""What ends the connections that were there before."""

GONE = "The other one takes over; alone, it is tried again every half second."
HUNG = "Another is asked beside it, and the first answer counts."
MATCHED = "Answers are matched by ID and question, in whatever order."
CLOSED = "What was under way is asked again, on a new connection."
STRANGER = "It hears no query; the log says what it showed."
NONSENSE = "It is counted and never passed on; the connection is closed."
EXCUSE = "The other one is asked; alone, clients hear what it said."

SITUATIONS = (
    Situation("nobody listens", ("refuse", CUT), GONE),
    Situation("a SYN gets no answer", ("drop-syn", CUT), GONE),
    Situation("accepts, and says nothing", ("stall-handshake", CUT), GONE),
    Situation("silent after the handshake", ("stall",), HUNG),
    Situation("swallows every query", ("swallow",), HUNG),
    Situation("swallows after 5 answers", ("swallow-after=5",), HUNG),
    Situation("answers 1 s late", ("delay=1",), HUNG),
    Situation("answers 10 s late", ("delay=10",), HUNG),
    Situation("answers out of order", ("out-of-order=0.1",), MATCHED),
    Situation("one octet at a time", ("trickle=0.005",), HUNG),
    Situation("closes after each answer", ("close-after=1",), CLOSED),
    Situation("closes after 5 answers", ("close-after=5",), CLOSED),
    Situation("FIN without close_notify", ("fin-after=5",), CLOSED),
    Situation("resets after 5 answers", ("reset-after=5",), CLOSED),
    Situation("resets within an answer", ("half-answer",), CLOSED),
    Situation("half-closes", ("half-close-after=5",), CLOSED),
    Situation("closes what idles for 50 ms", ("idle-close=0.05",), CLOSED),
    Situation("bare DNS where TLS is due", ("plaintext", CUT), STRANGER, True),
    Situation("TLS 1.1", ("old-tls", CUT), STRANGER, True),
    Situation("certificate has expired", ("expired", CUT), STRANGER, True),
    Situation("certificate begins tomorrow", ("not-yet-valid", CUT), STRANGER, True),
    Situation("certificate of another name", ("wrong-name", CUT), STRANGER, True),
    Situation("signed by itself", ("self-signed", CUT), STRANGER, True),
    Situation("unknown authority", ("untrusted", CUT), STRANGER, True),
    Situation("another key than is pinned", ("new-key", CUT), STRANGER, True, True),
    Situation("wrong ID", ("wrong-id",), NONSENSE),
    Situation("answers another question", ("wrong-question",), NONSENSE),
    Situation("answers another type", ("wrong-type",), NONSENSE),
    Situation("sends the query back", ("query-echo",), NONSENSE),
    Situation("answers twice", ("duplicate",), NONSENSE),
    Situation("answers what nobody asked", ("unsolicited",), NONSENSE),
    Situation("noise in a frame", ("garbage",), NONSENSE),
    Situation("frames of 5 octets", ("short=5",), NONSENSE),
    Situation("empty frames", ("short=0",), NONSENSE),
    Situation("a length never fulfilled", ("unfinished",), HUNG),
    Situation("SERVFAIL", ("rcode=SERVFAIL",), EXCUSE),
    Situation("REFUSED", ("rcode=REFUSED",), EXCUSE),
    Situation("FORMERR without a question", ("formerr",), EXCUSE),
    Situation("says that it cut the answer", ("truncated",), EXCUSE),
)
