"""Upstreams that are this very proxy."""

from unittest import TestCase, mock

import pytest

from dotproxy.config.model import Config, ConfigError, Upstream, parse_listen
from dotproxy.loops import refuse_loops

OURS = ("192.0.2.7", "2001:db8::7")
"""The addresses that the machine has, as these tests have it."""


class FakeSocket:
    """A socket that can be bound to what is ours."""

    def __init__(self, family: int, kind: int) -> None:
        pass

    def __enter__(self) -> "FakeSocket":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def bind(self, address: tuple[str, int]) -> None:
        if address[0] not in OURS:
            raise OSError("Cannot assign requested address")


class LoopTests(TestCase):
    def refuse(self, listen: str, *upstreams: Upstream) -> None:
        config = Config(
            (parse_listen("127.0.0.1:5300"), parse_listen(listen)), upstreams
        )
        with mock.patch("socket.socket", FakeSocket):
            refuse_loops(config)

    def test_own_address(self) -> None:
        """Where all addresses are served, each of the machine's own is refused."""
        far = Upstream(("192.0.2.9",))
        for listen, address in (
            ("0.0.0.0:853", "192.0.2.7"),
            ("[::]:853", "2001:db8::7"),
        ):
            looping = Upstream((address,))
            with pytest.raises(ConfigError) as caught:
                self.refuse(listen, far, looping)
            assert str(caught.value) == (
                f"upstream {looping} would ask our own listener {listen},"
                " and so itself: change the address or the port of one"
            )
            assert caught.value.path == ("upstream", 1)

    def test_own_resolver(self) -> None:
        """So is one of them among the resolvers that know where an upstream is."""
        bootstrap = ("192.0.2.9", "192.0.2.7")
        looping = Upstream((), server_name="dns.example", bootstrap=bootstrap)
        with pytest.raises(ConfigError, match=r"dns\.example:853 would ask our own"):
            self.refuse("0.0.0.0:53", looping)
        self.refuse("0.0.0.0:54", looping)

    def test_others(self) -> None:
        """Another machine, another port, or an address that is not served, is good."""
        for listen, address in (
            ("0.0.0.0:853", "192.0.2.9"),
            ("0.0.0.0:5301", "192.0.2.7"),
            ("127.0.0.2:853", "192.0.2.7"),
            ("[::]:853", "192.0.2.7"),
        ):
            self.refuse(listen, Upstream((address,)))

    def test_real(self) -> None:
        """The machine itself is asked what it has: nobody has 192.0.2.7."""
        listen = (parse_listen("0.0.0.0:853"),)
        refuse_loops(Config(listen, (Upstream(("192.0.2.7",)),)))
