"""Who may call, and who may change anything."""

from unittest import TestCase

from dotproxy.observe.guard import Call, Guard, Owner

TOKEN = "0123456789abcdef"
KNOWS = f"Bearer {TOKEN}"
HERE = "127.0.0.1:9153"


class GuardTests(TestCase):
    def setUp(self) -> None:
        self.guard = Guard(("proxy.example",), TOKEN)

    def status(self, call: Call, acts: bool = False) -> int:
        """Return the status of a refusal, 0 if there is none."""
        refusal = self.guard.refusal(call, acts)
        return refusal.status if refusal else 0

    def test_host(self) -> None:
        """Addresses may be called, localhost, and names that are configured."""
        for host in (
            *("127.0.0.1", HERE, "[::1]:9153", "192.0.2.1:80"),
            *("localhost", "LocalHost:9153", "proxy.example", "Proxy.Example:9153"),
        ):
            assert self.status(Call(host)) == 0, host

    def test_rebinding(self) -> None:
        """No other name is ours, whatever it leads to."""
        for host in (
            *("", "evil.example", "evil.example:9153", "localhost.evil.example"),
            *("127.0.0.1.evil.example", "xlocalhost", "[::1", "proxy.example.evil"),
        ):
            assert self.status(Call(host)) == 421, host
            assert self.status(Call(host, "", KNOWS), acts=True) == 421, host

    def test_token(self) -> None:
        """An action takes the token, and nothing but the token."""
        assert self.status(Call(HERE, "", KNOWS), acts=True) == 0
        for said in ("", TOKEN, "Bearer ", KNOWS + "0", KNOWS[:-1], "Bearer é"):
            assert self.status(Call(HERE, "", said), acts=True) == 401, said

    def test_no_token(self) -> None:
        """Where none is configured nobody acts over TCP, not even with an empty one."""
        self.guard = Guard((), "")
        assert self.status(Call(HERE, "", "Bearer "), acts=True) == 403
        assert self.status(Call(HERE)) == 0

    def test_origin(self) -> None:
        """A browser acts only for a page of this very place."""
        same = Call(HERE, f"http://{HERE}", KNOWS)
        assert self.status(same, acts=True) == 0
        for origin in ("null", "http://evil.example", f"https://{HERE}", HERE):
            call = Call(HERE, origin, KNOWS)
            assert self.status(call, acts=True) == 403, origin
            assert self.status(call) == 0, "what is only looked at changes nothing"


class OwnerTests(TestCase):
    def test_all(self) -> None:
        """The owner of the socket may do all."""
        assert Owner().refusal(Call(""), acts=True) is None
