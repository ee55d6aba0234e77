"""Values that a fleet shares: had while that is quick, else done without."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.upstream.breaker import Breaker, State
from dotproxy.upstream.redis import LATE, RedisConnection
from dotproxy.wire.resp import LARGEST, Refusal, Reply

MOST_UNDER_WAY = 512
"""Commands without a reply; beyond that nothing more is asked.  A server that replies
in 1 ms gets half a million a second through."""

LAST = b"%d" % (LARGEST - 1)
"""The last octet of a value that is asked for: who wrote it may be anybody."""


class Store:
    """Get and put values over one connection, made on demand.

    Nobody waits for it: while there is none, or the breaker is open, there is nothing
    to be had.  A probe is a new connection, and begins when somebody asks.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        attempt: Callable[[], Deferred[RedisConnection]],
        clock: IReactorTime,
        breaker: Breaker,
    ) -> None:
        self.name = name
        self._attempt = attempt
        self._clock = clock
        self._breaker = breaker
        self._connection: RedisConnection | None = None
        self._probing: Deferred[None] | None = None
        self._complained = self._stopped = False
        self.written = self.slow = self.errors = self.skipped = 0
        """Values that were taken; commands without a reply in time, or with an error;
        look-ups that were not even tried."""

    @property
    def state(self) -> State:
        """Whether it is asked."""
        return self._breaker.state

    @property
    def opened(self) -> int:
        """Count the times that it was left aside."""
        return self._breaker.opened

    @property
    def usable(self) -> bool:
        """Whether it can be asked now."""
        connection = self._connection
        return connection is not None and connection.under_way < MOST_UNDER_WAY

    def get(self, key: bytes) -> Deferred[bytes | None] | None:
        """Fire with the value, b"" if there is none, or None if that is not known.

        It never fails, unless it is cancelled, and fires within the limit.  None at
        once: it cannot be asked now.
        """
        if self._connection is None or not self.usable:
            self.skipped += 1
            if self._connection is None:
                self._probe()
            else:
                self._failed("too many commands are without a reply")
            return None
        found: Deferred[bytes | None] = Deferred(_let_go)

        def heard(reply: Reply) -> None:
            known = self._heard(reply)
            if not found.called:
                found.callback(reply if known and isinstance(reply, bytes) else None)

        self._connection.ask((b"GETRANGE", key, b"0", LAST), heard)
        return found

    def put(self, key: bytes, value: bytes, life: int) -> None:
        """Write a value for so many seconds, behind, if it can be done now."""
        if self._connection is not None and self.usable:
            words = (b"SET", key, value, b"EX", b"%d" % life)
            self._connection.ask(words, self._put)

    def stop(self) -> None:
        """Hang up, and ask nothing any more."""
        self._stopped = True
        if self._probing is not None:
            self._probing.cancel()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.abort()

    # Replies.

    def _heard(self, reply: Reply) -> bool:
        """Take note of a reply; whether it is one."""
        if not isinstance(reply, Refusal):
            self._breaker.succeeded()
            return True
        if reply is LATE:
            self.slow += 1
            self._failed("it fails too often: no reply in time")
        else:
            self.errors += 1
            self._failed(f"it fails too often, at last by {reply.code}")
        return False

    def _failed(self, reason: str) -> None:
        """Hang up, if it has failed too often."""
        connection = self._connection
        # What is lost with its connection was not at fault itself.
        if connection is not None and self._breaker.failed(self._clock.seconds()):
            self._left(reason)
            connection.abort()

    def _put(self, reply: Reply) -> None:
        """Hear what became of a value.

        A server that is full, or takes nothing, may still have something to give.
        """
        if reply is LATE:
            self._heard(reply)
        elif isinstance(reply, Refusal):
            self.errors += 1
        else:
            self.written += 1

    # Connections.

    def _probe(self) -> None:
        if self._stopped or not self._breaker.due(self._clock.seconds()):
            return
        self._breaker.probe()
        probing = self._attempt().addCallbacks(self._found, self._not_found)
        if self._breaker.state is State.HALF_OPEN:
            self._probing = probing

    def _found(self, connection: RedisConnection) -> None:
        self._probing = None
        self._connection = connection
        connection.on_lost = self._left
        self._breaker.close(self._clock.seconds())
        self._complained = False
        self.log.info("shared cache {name} is in use", name=self.name)

    def _not_found(self, failure: Failure) -> None:
        self._probing = None
        if not self._stopped:
            self._left(failure.getErrorMessage())

    def _left(self, reason: str) -> None:
        """Do without from now on; say so once."""
        self._connection = None
        self._breaker.open(self._clock.seconds())
        if not self._complained:
            self._complained = True
            self.log.warn(
                "shared cache {name} is left aside: {reason}",
                name=self.name,
                reason=reason,
            )


def _let_go(_: object) -> None:
    """Leave a reply to come without anybody who waits for it."""
