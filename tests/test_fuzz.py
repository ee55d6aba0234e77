"""The targets of the fuzzers: they hold for what was found, and find what is wrong."""

import contextlib
import io
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import SkipTest, TestCase
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

import fuzz
from dotproxy.local import entry
from dotproxy.server.datagrams import Client
from dotproxy.server.stream import StreamProtocol
from dotproxy.upstream.exchange import Exchange
from dotproxy.upstream.pending import Pending
from dotproxy.wire import reply
from dotproxy.wire.message import FormatError
from fuzz.__main__ import main, telling, tried
from fuzz.octets import Octets, answered, unanswered
from fuzz.targets import TARGETS
from tests.long import long
from tests.messages import quick
from tests.test_datagram import Wire

FOUND = Path(fuzz.__file__).with_name("found")
"""A folder for each target, with the inputs that once broke its rule."""


class TargetsTests(TestCase):
    def test_seeds(self) -> None:
        """No rule is broken where the search begins, and there is a beginning."""
        for name, target in TARGETS.items():
            count = 0
            for seed in target.seeds():
                with self.subTest(target=name, seed=seed.hex()):
                    target.fuzz(seed)
                count += 1
            assert count > 1, name

    def test_found(self) -> None:
        """Nor by what once broke it."""
        for path in FOUND.glob("*/*"):
            with self.subTest(path=path):
                TARGETS[path.parent.name].fuzz(path.read_bytes())

    @settings(parent=quick, max_examples=30)
    @given(st.sampled_from([*TARGETS]), st.data())
    def test_spoiled(self, name: str, data: st.DataObject) -> None:
        """Nor by inputs changed blindly: a search for those without atheris."""
        target = TARGETS[name]
        seed = bytearray(data.draw(st.sampled_from([*target.seeds()])))
        places = st.tuples(st.integers(0, max(len(seed) - 1, 0)), st.integers(0, 255))
        for at, octet in data.draw(st.lists(places, max_size=8)):
            seed[at : at + 1] = bytes((octet,))
        target.fuzz(bytes(seed) + data.draw(st.binary(max_size=16)))


class MistakesTests(TestCase):
    """Each target finds a mistake of the kind that it is there for."""

    def assert_found(self, name: str) -> None:
        with self.assertRaises(Exception) as caught:
            for seed in TARGETS[name].seeds():
                TARGETS[name].fuzz(seed)
        assert not isinstance(caught.exception, FormatError)

    def test_not_told(self) -> None:
        """What is left out without a word."""
        with patch.object(reply, "TC", 0):
            self.assert_found("reply")

    def test_other_octets(self) -> None:
        """A kept answer that is not what was learned."""
        real = entry.from_body
        with patch.object(
            entry, "from_body", lambda q, b, r, e: real(q, b[:-1] + b"~", r, e)
        ):
            self.assert_found("cache")

    def test_twice(self) -> None:
        """A stream on which a query is answered twice."""

        def send(self: StreamProtocol, said: bytes) -> None:
            for _ in range(2):
                self.transport.write(len(said).to_bytes(2, "big") + said)

        with patch.object(StreamProtocol, "_send", send):
            self.assert_found("stream")

    def test_forgotten(self) -> None:
        """A query that never ends."""
        with patch.object(Pending, "unanswered", lambda _: []):
            self.assert_found("connection")

    def test_for_ever(self) -> None:
        """A query for which no deadline counts."""
        with patch.object(Exchange, "conclude", lambda _: None):
            self.assert_found("upstream")

    def test_to_another(self) -> None:
        """A datagram that goes to somebody else."""
        with patch.object(Wire, "client", lambda *_: Client(("192.0.2.9", 9), [])):
            self.assert_found("datagram")

    def test_misread(self) -> None:
        """An error that is not the documented one, for each reader of octets."""
        for name, reader in (
            ("query", "fuzz.wire.parse_query"),
            ("answer", "fuzz.wire.parse_answer"),
            ("edns", "dotproxy.wire.edns.read_opt"),
            ("records", "fuzz.wire.records"),
            ("snapshot", "fuzz.kept.load"),
            ("lookup", "fuzz.upstream.read_reply"),
        ):
            with self.subTest(target=name), patch(reader, side_effect=IndexError):
                self.assert_found(name)

    def test_other_question(self) -> None:
        """An answer that is another's."""
        with patch("dotproxy.upstream.pending._replies_to", lambda *_: True):
            self.assert_found("connection")


class OctetsTests(TestCase):
    def test_decisions(self) -> None:
        """Decisions are taken from the beginning; behind the end, all are 0."""
        choices = Octets(b"\x05\x00\x02abcd")
        assert (choices.number(3), choices.some(), choices.rest()) == (2, b"ab", b"cd")
        assert not choices
        assert (choices.number(), choices.word(), choices.take(9)) == (0, 0, b"")

    def test_answers(self) -> None:
        """An answer is made of octets, and octets of an answer."""
        query = b"\x12\x34" + bytes(10)
        answer = answered(query, b"\0\0\1\0\1", b"\x01\x83\0\1\0\2\0\3records")
        assert answer == b"\x12\x34\x81\x83\0\1\0\1\0\2\0\3\0\0\1\0\1records"
        assert (
            answered(query, b"\0\0\1\0\1", unanswered(answer, b"\0\0\1\0\1")) == answer
        )


class CommandTests(TestCase):
    def run_main(self, *words: str) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = main(words)
        return status, said.getvalue()

    @long
    def test_search(self) -> None:
        """A short search of a target finds nothing, and says how much it tried."""
        try:
            import atheris  # noqa: F401
        except ImportError:
            raise SkipTest("atheris is missing: pip install atheris") from None
        with TemporaryDirectory() as folder:
            status, said = self.run_main("edns", "--seconds", "1", "--corpus", folder)
            assert os.listdir(folder) == ["edns"]
        assert (status, said[:6], said[-23:]) == (
            0,
            "edns: ",
            " inputs, nothing found\n",
        )

    def test_lacking(self) -> None:
        """Without atheris it says what to do."""
        with (
            patch("fuzz.__main__.find_spec", lambda _: None),
            contextlib.redirect_stderr(io.StringIO()) as said,
        ):
            assert main(["edns"]) == 2
        assert "pip install" in said.getvalue()

    def test_words(self) -> None:
        """Of what a search says, the count and the failure are told."""
        said = (
            "INFO: seed\n#1 NEW\nAssertionError\nstat::number_of_executed_units: 42\n"
        )
        assert tried(said) == 42
        assert tried("") == 0
        assert telling(said).splitlines()[0] == "AssertionError"
