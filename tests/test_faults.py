"""The faults of the lab: how they are spelled, and which names they concern."""

from unittest import TestCase

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.lab.faults import (
    ANSWER,
    KINDS,
    LISTENING,
    Fault,
    FaultError,
    first,
    parse_faults,
)
from tests.messages import names, quick


def parse(text: str) -> Fault:
    (fault,) = parse_faults(text)
    return fault


def refusal(text: str) -> str:
    with pytest.raises(FaultError) as caught:
        parse_faults("swallow", text)
    line = str(caught.value)
    assert "\n" not in line
    return line


def wire(name: str) -> bytes:
    octets = dns.name.from_text(name).to_wire()
    assert octets is not None
    return octets


class SpellingTests(TestCase):
    def test_table(self) -> None:
        """Every fault has a name in kebab case, and one sentence."""
        for name, kind in KINDS.items():
            assert name == kind.name
            self.assertRegex(name, r"\A[a-z]+(-[a-z]+)*\Z")
            self.assertRegex(
                kind.tells, r"\A[A-Z][^.]*(1\.1 [^.]*|\.example [^.]*)?\.\Z"
            )

    def test_bare(self) -> None:
        """A name alone is a fault, its value the default if there is one."""
        assert parse("swallow") == Fault("swallow", text="swallow")
        assert parse("trickle").value == 0.01
        assert parse("huge").value == 65535

    def test_value(self) -> None:
        """The value stands behind an equals sign."""
        assert parse("delay=1.5").value == 1.5
        assert parse("close-after=0").value == 0
        assert parse("rcode=SERVFAIL").value == 2
        assert parse("short=0").value == 0

    def test_whole(self) -> None:
        """Domain and number of connections follow, in this order."""
        text = "delay=2@Lab.Example,connections=3"
        assert parse(text) == Fault("delay", 2.0, b"\3lab\7example\0", 3, text)

    def test_every_kind(self) -> None:
        """What the table shows for a kind can be written, with all that may follow."""
        for kind in KINDS.values():
            value = {"rcode": "=REFUSED", "huge": "=4096"}.get(kind.name, "=5")
            text = kind.name + (value if kind.value else "")
            text += "@example" if kind in ANSWER else ""
            text += "" if kind in LISTENING else ",connections=1"
            assert parse(text).name == kind.name

    def test_text(self) -> None:
        """A fault is shown as it was written; one that was made, by its name."""
        assert str(parse("delay=2@a")) == "delay=2@a"
        assert str(Fault("swallow")) == "swallow"

    def test_unknown(self) -> None:
        """A name that is none is told which one was perhaps meant, or all there are."""
        assert refusal("close-aftr=3") == (
            "'close-aftr=3' is no fault: did you mean close-after=N?"
        )
        line = refusal("xyzzy")
        assert line.startswith(
            "'xyzzy' is no fault: write NAME[=VALUE][@DOMAIN][,connections=N],"
            " NAME one of refuse, drop-syn, "
        )
        assert all(name in line for name in KINDS)

    def test_wrong(self) -> None:
        """Any other mistake is told with what is allowed."""
        for text, rule in (
            (
                "delay",
                "lacks its value: write delay=SECONDS,"
                " a number of seconds from 0.001 to 3600",
            ),
            ("delay=x", "must have a number of seconds from 0.001 to 3600"),
            ("stall=3", "takes no value: write stall"),
            ("stall=", "takes no value: write stall"),
            ("refuse@a", "is about more than single answers: no @DOMAIN"),
            ("stall@a", "is about more than single answers: no @DOMAIN"),
            ("refuse,connections=1", "is about all connections: no connections=N"),
            ("swallow,first=1", "must have connections=N after its comma"),
            (
                "swallow,connections=0",
                "must have a whole number from 1 to 1000000",
            ),
            ("swallow@", "must have a domain such as lab.example after its @"),
            ("swallow@a..b", "must have a domain such as lab.example after its @"),
        ):
            assert refusal(text) == f"'{text}' {rule}"

    @quick
    @given(
        st.text()
        | st.sampled_from(sorted(KINDS)).flatmap(lambda n: st.text().map(n.__add__))
    )
    def test_anything(self, text: str) -> None:
        """Any text is a fault or a FaultError."""
        try:
            (fault,) = parse_faults(text)
        except FaultError:
            return
        assert fault.name in KINDS


class ConcernTests(TestCase):
    def test_domain(self) -> None:
        """A domain holds for itself and what is below, however it is spelled."""
        fault = parse("swallow@LAB.example")
        for name in ("lab.example", "www.lab.EXAMPLE", "a.b.lab.example"):
            assert fault.concerns(wire(name))
        for name in ("example", "xlab.example", "lab.example.net", "."):
            assert not fault.concerns(wire(name))

    def test_root(self) -> None:
        """The root holds for all names, and so does no domain."""
        for text in ("swallow@.", "swallow"):
            for name in (".", "lab.example"):
                assert parse(text).concerns(wire(name))

    @quick
    @given(names, names)
    def test_below(self, name: dns.name.Name, domain: dns.name.Name) -> None:
        """Which names are below is as dnspython has it."""
        fault = Fault("swallow", domain=domain.canonicalize().to_wire())
        expected = name.is_subdomain(domain)
        assert fault.concerns(name.to_wire() or b"") == expected

    def test_first(self) -> None:
        """The first fault of a kind that concerns the name is the one that counts."""
        faults = parse_faults("delay=1@a", "swallow", "delay=2@b.a", "delay=3@b")
        for name, seconds in (("a", 1), ("b.a", 1), ("x.b", 3)):
            found = first(faults, "delay", wire(name))
            assert found is not None
            assert found.value == seconds
        assert first(faults, "delay", wire("c")) is None
        assert first(faults, "stall") is None
