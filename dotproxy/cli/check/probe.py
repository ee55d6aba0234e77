"""All that can be learned of one address of an upstream."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import IReactorTime

from dotproxy.cli.check.chain import describe_chain, matching_name
from dotproxy.cli.check.findings import (
    Answers,
    Certificate,
    Encryption,
    Identity,
    Server,
    Status,
)
from dotproxy.cli.check.greeting import Greeting, Place, greet
from dotproxy.cli.check.interview import Interview, Step, Terms
from dotproxy.cli.check.subject import Subject
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.peer_certificate import warned_from
from dotproxy.upstream.warnings import MATCHES

UNHELPFUL = ("FORMERR", "SERVFAIL", "NOTIMP", "REFUSED")
"""Answers that make the proxy ask another upstream."""


@dataclass(frozen=True)
class Probe:
    """Examine addresses of one upstream, on the same terms."""

    subject: Subject
    terms: Terms
    reactor: Any

    async def examine(self, address: str, step: Step) -> Server:
        """Return what there is to be found at an address; `step` hears how far it is.

        No query goes to a server that the proxy would refuse.
        """
        step("connect")
        place = self._place(address)
        greeting = await greet(place, self.reactor, self.terms.timeout)
        server = self.describe(address, greeting)
        if greeting.connection is not None:
            server.status = Status.GOOD
            await self._talk(place, greeting, server, step)
        return server

    async def look(self, address: str) -> Server:
        """Return what can be seen without asking anything."""
        greeting = await greet(self._place(address), self.reactor, self.terms.timeout)
        server = self.describe(address, greeting)
        if greeting.connection is not None:
            server.status = Status.GOOD
            greeting.connection.drain()
        return server

    def describe(self, address: str, greeting: Greeting) -> Server:
        """Describe what a server showed while the connection was made."""
        by, expected = self._expected(address)
        tls = greeting.witness.tls
        chain = _chain(greeting, greeting.verified and by != "pin")
        server = Server(
            address=address,
            family="IPv6" if ":" in address else "IPv4",
            status=Status.UNREACHED if greeting.unreached else Status.WRONG,
            reason="" if greeting.connection else greeting.reason,
            connect_ms=greeting.connect_ms,
            handshake_ms=greeting.handshake_ms,
            encryption=_encryption(tls) if tls and chain else None,
            chain=describe_chain(chain, self.subject.upstream.spki_pins),
        )
        if chain:
            matched = matching_name(chain[0], expected, by) if expected else ""
            server.identity = Identity(
                greeting.verified, by, expected, matched, greeting.reason
            )
        if greeting.connection and greeting.reason:
            server.warnings.append(f"not verified: {greeting.reason}")
        proof = greeting.witness.proof
        if proof and proof.match in MATCHES:
            server.warnings.append(MATCHES[proof.match][1])
        server.warnings += _ending(server.chain, self.terms.now())
        return server

    def _place(self, address: str) -> Place:
        return Place(address, self.subject.upstream.port, self.subject.authenticator)

    def _expected(self, address: str) -> tuple[str, str]:
        """Return what must fit, and which name or address it is."""
        upstream = self.subject.upstream
        if upstream.server_name:
            return "name", upstream.server_name
        return ("pin", "") if upstream.spki_pins else ("address", address)

    async def _talk(
        self, place: Place, greeting: Greeting, server: Server, step: Step
    ) -> None:
        assert greeting.connection is not None
        clock = IReactorTime(self.reactor)
        interview = Interview(greeting.connection, clock, self.terms, SystemRandom())
        try:
            await interview.run(step)
            step("resumption")
            interview.answers.resumption = await self._resumes(place, greeting)
            if self.terms.idle:
                step(f"idle, up to {self.terms.idle:g} s")
                await interview.idle()
            server.answers = interview.answers
            server.warnings += interview.oddities
            _judge(server, interview.answers, self.terms.names.known)
        except UpstreamError as fault:
            server.status, server.reason = Status.WRONG, f"connected, but {fault}"
        finally:
            interview.leave()

    async def _resumes(self, place: Place, greeting: Greeting) -> bool:
        """Whether the server takes up the session again; nothing is asked over it."""
        tls = greeting.witness.tls
        session = tls.get_session() if tls else None
        again = await greet(place, self.reactor, self.terms.timeout, session)
        if again.connection is not None:
            again.connection.drain()
        return again.witness.resumed


def _chain(greeting: Greeting, verified: bool) -> Sequence[x509.Certificate]:
    """Return the chain as it was verified, root included, or else as it was shown."""
    tls = greeting.witness.tls
    found = tls.get_verified_chain(as_cryptography=True) if tls and verified else None
    return found or greeting.witness.shown


def _encryption(tls: SSL.Connection) -> Encryption:
    return Encryption(
        version=tls.get_protocol_version_name().replace("TLSv", "TLS "),
        cipher=tls.get_cipher_name() or "",
        alpn=tls.get_alpn_proto_negotiated().decode("ascii", "replace"),
    )


def _ending(chain: Sequence[Certificate], now: datetime) -> list[str]:
    """Warn of certificates that end soon."""
    warnings = []
    for certificate in chain:
        end = certificate.not_after
        if warned_from(certificate.not_before, end) < now < end:
            whose = f"the certificate of {certificate.subject}"
            when = f"{end:%Y-%m-%d %H:%M} UTC"
            warnings.append(f"{whose} ends soon, {when}")
    return warnings


def _judge(server: Server, answers: Answers, name: str) -> None:
    """Say what is wrong or odd with how a server answers."""
    if answers.rcode in UNHELPFUL:
        server.status = Status.WRONG
        server.reason = (
            f"answers {answers.rcode} to {name}: if it knows other names only,"
            " give one with --name"
        )
    if answers.padded_to is None:
        server.warnings.append(
            "answers are not padded: their sizes may tell what was asked"
        )
    if answers.refuses_bogus is False:
        server.warnings.append("says that it validates, and hands out what is forged")
