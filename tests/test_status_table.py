"""How a proxy fares, for people."""

from io import StringIO

from msgspec.structs import replace
from rich.console import Console
from twisted.trial.unittest import TestCase

from dotproxy.cli.status_table import draw
from dotproxy.observe.certificate_status import CertificateStatus
from dotproxy.observe.gateway_status import GatewayStatus
from dotproxy.observe.status import Counted, Status, status_of
from dotproxy.observe.upstream_status import ConnectionStatus
from tests.observed import Observed


class DrawTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.status = status_of(Observed(self).proxy)

    def drawn(self, status: Status) -> list[str]:
        """Return the lines, with one space between the words."""
        out = StringIO()
        draw(status, status, Console(file=out, width=120))
        return [" ".join(line.split()) for line in out.getvalue().splitlines()]

    def test_little(self) -> None:
        """What there is not takes no line."""
        lines = self.drawn(self.status)
        assert "clients 0 over TCP, 0 over TLS, 0 over HTTPS" in lines
        for word in ("gateway", "listens", "shows", "warning", "expires"):
            assert not any(line.startswith(word) for line in lines), word

    def test_clients(self) -> None:
        """Clients over TLS and over HTTPS count apart."""
        clients = replace(
            self.status.clients,
            tcp_connections=2,
            tls_connections=3,
            https_connections=1,
        )
        lines = self.drawn(replace(self.status, clients=clients))
        assert "clients 2 over TCP, 3 over TLS, 1 over HTTPS" in lines

    def test_certificates(self) -> None:
        """Our own have a line each, and a warning where the end is near."""
        far = CertificateStatus("dns.example", "2027-01-02", ())
        near = CertificateStatus("", "2026-01-02", ("expires 2026-01-02",))
        lines = self.drawn(replace(self.status, certificates=(far, near)))
        assert "shows a certificate for dns.example, expires 2027-01-02" in lines
        assert "warning a certificate for no name, expires 2026-01-02" in lines

    def test_gateway(self) -> None:
        """The gateway has a part of its own."""
        results = {"done": 7, "not_in_table": 1}
        up, down = 3 * 2**19, 2**20
        gateway = GatewayStatus(("127.0.0.1:443",), 2, results, up, down)
        lines = self.drawn(replace(self.status, gateway=gateway))
        at = lines.index("gateway")
        assert lines[at + 1 : at + 4] == [
            "listens 127.0.0.1:443",
            "clients 2 there; gone: 7 done, 1 not_in_table",
            "octets 1.5 MiB up, 1.0 MiB down",
        ]
        quiet = replace(gateway, results={})
        assert "clients 2 there; gone: none" in self.drawn(
            replace(self.status, gateway=quiet)
        )

    def test_tops(self) -> None:
        """The first of those who ask, and of what is asked, where they are counted."""
        names = tuple(Counted(f"n{n}.example", 9 - n) for n in range(7))
        told = {"top_names": names, "top_clients": (Counted("192.0.2.0", 4),)}
        lines = self.drawn(replace(self.status, **told))
        named = ", ".join(f"n{n}.example {9 - n}" for n in range(5))
        assert f"asked most {named}" in lines
        assert "ask most 192.0.2.0 4" in lines

    def test_connections(self) -> None:
        """Each connection says how old it is, what it owes, and what encrypts it."""
        (upstream,) = self.status.upstreams
        tls = "TLS 1.3 TLS_AES_256_GCM_SHA384"
        one = ConnectionStatus("ready", tls, 3.0, 2, 0.5, 7, None)
        odd = replace(upstream, connections=(one,))
        lines = self.drawn(replace(self.status, upstreams=(odd,)))
        assert f"ready 3.0 s 7 2 0.5 s {tls}" in lines

    def test_narrow(self) -> None:
        """On a narrow terminal lines are folded, and nothing is cut."""
        (upstream,) = self.status.upstreams
        pin = f"sha256//{'Z' * 60}="
        one = ConnectionStatus("ready", "TLS 1.3 " + "Y" * 40, 3.0, 2, 0.5, 7, None)
        odd = replace(upstream, warnings=(pin,), connections=(one,))
        out = StringIO()
        status = replace(self.status, upstreams=(odd,))
        draw(status, status, Console(file=out, width=60))
        said = out.getvalue()
        assert max(map(len, said.splitlines())) <= 60
        assert (said.count("Z"), said.count("Y")) == (60, 40)

    def test_upstream(self) -> None:
        """The end of its certificate, and what is odd, stand with an upstream."""
        (upstream,) = self.status.upstreams
        odd = replace(
            upstream, certificate_expires="2026-12-31", warnings=("is odd", "is new")
        )
        lines = self.drawn(replace(self.status, upstreams=(odd,)))
        at = lines.index("expires 2026-12-31")
        assert lines[at + 1 : at + 3] == ["warning is odd", "warning is new"]
