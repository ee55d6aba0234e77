"""One of several processes that serve: the program that the supervisor starts.

It is told what to do over the descriptor `LINK`, and ends when nobody is there any
more.  Its log goes to `LOG`, a JSON object on each line.
"""

import json
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from importlib import import_module
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import globalLogBeginner
from twisted.protocols import amp
from twisted.python.failure import Failure

from dotproxy.clock import uptime
from dotproxy.config.model import Config, ConfigError
from dotproxy.json_log import JsonLog
from dotproxy.local.snapshot import load
from dotproxy.observe.actions import CALLS, TEXT, Fault, Reloaded, Reply, as_json
from dotproxy.observe.live import Watch
from dotproxy.proxy import Proxy
from dotproxy.server.listeners import Inherited, Opened
from dotproxy.server.sockets import Sockets
from dotproxy.service import assemble
from dotproxy.signals import Signal
from dotproxy.workers.commands import (
    FIRST_SOCKET,
    LINK,
    LOG,
    Ask,
    Follow,
    Learned,
    Leave,
    Ping,
    Refused,
    Reload,
    Reopen,
    Seen,
    Serve,
)
from dotproxy.workers.passage import Passage
from dotproxy.workers.spread import Spread

FOR_THE_SUPERVISOR = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""Signals that a terminal, or a service manager, sends to all processes: the supervisor
says what follows."""


def main() -> None:
    """Serve until the supervisor says otherwise, or is gone."""
    reactor: Any = import_module("twisted.internet.reactor")
    reactor.seconds = uptime
    for number in FOR_THE_SUPERVISOR:
        signal.signal(number, signal.SIG_IGN)
    log = JsonLog(os.fdopen(LOG, "w"))
    globalLogBeginner.beginLoggingTo([log], redirectStandardIO=False)
    worker = Worker(reactor, inherited)
    # It is left to Twisted, which works on a copy.
    with socket.socket(fileno=LINK) as link:
        link.setblocking(False)
        reactor.adoptStreamConnection(
            link.fileno(), socket.AF_UNIX, Factory.forProtocol(lambda: worker)
        )
    # Twisted's own would complain where one comes while we stop already.
    Signal(signal.SIGTERM, worker.stop, reactor).install()
    reactor.run(installSignalHandlers=False)


class Worker(amp.AMP):
    """Do what the supervisor says.

    `adopt` returns the sockets of a configuration.
    """

    proxy: Proxy

    def __init__(self, reactor: Any, adopt: Callable[[Config], Inherited]) -> None:
        super().__init__()
        self._reactor = reactor
        self._adopt = adopt
        self._generation = 0
        self._stopping = False
        self._spread = Spread(self._send, reactor)
        self._followed: dict[int, Deferred[None]] = {}
        self._config: Config

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End: nobody would know of us."""
        super().connectionLost(reason)
        self.stop()

    def stop(self) -> None:
        """End, once what was asked is answered."""
        if not self._stopping:
            self._stopping = True
            self._reactor.stop()

    @Serve.responder
    def serve(self, config: bytes, generation: int, paused: float) -> dict[str, object]:
        """Serve what the supervisor has bound."""
        self._config = msgspec.json.decode(config, type=Config)
        self._generation = generation
        try:
            proxy = assemble(
                self._config,
                self._reactor,
                lambda: self._config,
                self._adopt(self._config),
            )
        except ConfigError as fault:
            raise Refused(str(fault)) from None
        proxy.pause.hold(paused)
        proxy.privilegedStartService()
        proxy.startService()
        self._reactor.addSystemEventTrigger("before", "shutdown", proxy.stopService)
        self.proxy = proxy
        self._listen()
        return {}

    @Reload.responder
    def reload(self, config: bytes, generation: int) -> dict[str, object]:
        """Go on with another configuration, or as before."""
        before, self._config = self._config, msgspec.json.decode(config, type=Config)
        try:
            outcome = self.proxy.reload_aloud()
        except ConfigError as fault:
            self._config = before
            raise Refused(str(fault)) from None
        self._begin(generation)
        self._listen()
        changed = Reloaded(outcome.changed, outcome.lasting, outcome.emptied)
        return {"outcome": as_json(changed).body}

    @Ask.responder
    def ask(self, call: str, words: bytes, generation: int) -> Deferred[dict[str, Any]]:
        """Answer a call."""
        self._begin(generation)
        run = partial(CALLS[call].run, self.proxy, json.loads(words))
        return maybeDeferred(run).addErrback(_faulty).addCallback(_written)

    @Learned.responder
    def learned(self, answers: bytes, dropped: int, generation: int) -> dict[str, Any]:
        """Take what others learned, unless it holds no longer."""
        if generation == self._generation:
            cache, admits = self.proxy.core.forwarder.cache, self.proxy.rules.admits
            for age, key, entry in load(answers):
                if admits(key, entry):
                    cache.adopt(age, key, entry)
        return {}

    @Follow.responder
    def follow(self, viewer: int, words: bytes) -> dict[str, object]:
        """Show queries as they come."""
        passage: Any = Passage(partial(self._show, viewer))
        gone = self._followed[viewer] = Deferred()
        Watch(self.proxy.journal, json.loads(words)).follow(passage, gone)
        return {}

    @Leave.responder
    def leave(self, viewer: int) -> dict[str, object]:
        """Show no more of them."""
        gone = self._followed.pop(viewer, None)
        if gone is not None:
            gone.errback(ConnectionDone())
        return {}

    @Reopen.responder
    def reopen(self) -> dict[str, object]:
        """Open the file of the query log again."""
        if self.proxy.recording is not None:
            self.proxy.recording.reopen()
        return {}

    @Ping.responder
    def ping(self) -> dict[str, object]:
        """Answer."""
        return {}

    def _begin(self, generation: int) -> None:
        """Forget what was learned before, if there is another generation."""
        if generation != self._generation:
            self._generation = generation
            self._spread.forget()

    def _listen(self) -> None:
        """Hear what is learned, if it is kept; a reload may bring another cache."""
        cache, keeps = self.proxy.core.forwarder.cache, self._config.cache.size > 0
        cache.on_learned = self._spread.note if keeps else _let_be

    def _show(self, viewer: int, lines: bytes) -> Deferred[Any]:
        showing: Deferred[Any] = self.callRemote(Seen, viewer=viewer, lines=lines)
        return showing

    def _send(self, snapshot: bytes, dropped: int) -> Deferred[Any]:
        sending: Deferred[Any] = self.callRemote(
            Learned, answers=snapshot, dropped=dropped, generation=self._generation
        )
        return sending


def inherited(config: Config) -> Inherited:
    """Return the sockets that stand behind LINK, in the order of the addresses."""
    found: dict[Any, Opened] = {}
    number = FIRST_SOCKET
    for listen in config.listen:
        if listen.encrypted:
            found[listen] = _socket(number)
            number += 1
        else:
            found[listen] = Sockets(_socket(number), _socket(number + 1))
            number += 2
    return found


def _socket(number: int) -> socket.socket:
    made = socket.socket(fileno=number)
    made.set_inheritable(False)
    # Python's object does not know, and would tell the socket on its next copy.
    made.setblocking(False)
    return made


def _let_be(key: bytes, entry: bytes) -> None:
    """Pass nothing on."""


def _faulty(failure: Failure) -> Reply:
    failure.trap(Fault)
    fault = f"{failure.getErrorMessage()}\n".encode()
    return Reply(fault, TEXT, HTTPStatus.BAD_REQUEST)


def _written(reply: Reply) -> dict[str, Any]:
    return {"body": reply.body, "type": reply.type, "status": int(reply.status)}


if __name__ == "__main__":
    main()
