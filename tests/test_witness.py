"""Somebody who looks on while a server proves who it is."""

import time
from datetime import UTC, datetime
from typing import Any, cast

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.cli.check.witness import Witness
from dotproxy.lab.certificates import Authority, Issued, Leaf, pin
from dotproxy.upstream.connection import State
from dotproxy.upstream.tls import Authenticator, Identity, Trust, Unverified
from tests.connections import Line, Server

VERSIONS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)

NAME = "dns.example"


class WitnessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = Authority.create("root", datetime.now(UTC))
        self.issued: Issued = self.root.intermediate("middle").issue(Leaf((NAME,)))
        self.authenticator = self.trusting(NAME)

    def trusting(self, name: str, roots: bytes | None = None) -> Authenticator:
        return Authenticator(Trust(name, roots=roots or self.root.pem), time.time)

    def connect(
        self,
        server: Server,
        authenticator: Authenticator | None = None,
        session: SSL.Session | None = None,
    ) -> tuple[Witness, Line]:
        """Connect to a server; return the witness, and the line."""
        identity = (authenticator or self.authenticator).expect("192.0.2.1")
        witness = Witness(identity, lambda: 7.0, session)
        line = Line(cast(Identity, witness), server).run()
        line.connection.ready.addErrback(lambda failure: failure.trap(Unverified))
        return witness, line

    def pins(self, witness: Witness) -> list[str]:
        return [pin(certificate) for certificate in witness.shown]

    def test_verified(self) -> None:
        """A server that proves itself is let in, and what it showed can be told."""
        witness, line = self.connect(Server(self.issued))
        assert line.connection.state is State.READY
        assert self.pins(witness) == list(self.issued.pins[:2])
        assert (witness.connected_at, witness.completed) == (7.0, True)
        assert not witness.resumed

    def test_refused(self) -> None:
        """What was presented can be told after a refusal too, in both versions."""
        stranger = Authority.create("stranger", datetime.now(UTC)).pem
        for version in VERSIONS:
            server = Server(self.issued)
            server.context.set_max_proto_version(version)
            witness, line = self.connect(server, self.trusting(NAME, stranger))
            assert line.connection.state is State.CLOSED
            assert "not trusted" in witness.refusal
            assert self.pins(witness) == list(self.issued.pins[:2])
            assert not witness.completed

    def test_wrong_name(self) -> None:
        """The same where the chain is good, and the name is not."""
        witness, line = self.connect(Server(self.issued), self.trusting("b.example"))
        assert line.connection.state is State.CLOSED
        assert self.pins(witness) == list(self.issued.pins[:2])

    def test_resumed(self) -> None:
        """It is seen whether a session is resumed; the proxy then refuses, as ever."""
        for version in VERSIONS:
            server = Server(self.issued)
            server.context.set_max_proto_version(version)
            first, _ = self.connect(server)
            assert first.tls is not None
            again, line = self.connect(server, session=first.tls.get_session())
            assert again.resumed
            assert line.connection.state is State.CLOSED

    def test_not_resumed(self) -> None:
        """A server that gives no tickets begins anew."""
        for version in VERSIONS:
            server = Server(self.issued)
            server.context.set_max_proto_version(version)
            server.context.set_options(SSL.OP_NO_TICKET)
            server.context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            first, _ = self.connect(server)
            assert first.tls is not None
            again, line = self.connect(server, session=first.tls.get_session())
            assert not again.resumed
            assert line.connection.state is State.READY

    def test_nothing_yet(self) -> None:
        """Before TCP is there, nothing was seen."""
        witness = Witness(cast(Any, None), lambda: 7.0)
        assert (witness.shown, witness.connected_at) == ((), None)
        assert not witness.resumed

    def test_cut_off(self) -> None:
        """A handshake that never ended resumed nothing, whatever was asked for."""
        first, _ = self.connect(Server(self.issued))
        assert first.tls is not None
        identity = self.authenticator.expect("192.0.2.1")
        again = Witness(identity, lambda: 7.0, first.tls.get_session())
        again.clientConnectionForTLS(cast(Any, None))
        assert not again.resumed
