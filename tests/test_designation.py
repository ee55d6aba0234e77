"""Where this resolver is reached encrypted, told to clients."""

from unittest import TestCase

import dns.message

from dotproxy.local.designation import NAME, Designated, Way, designation, nothing

QUESTION = NAME + b"\0\x40\0\1"

DNS_EXAMPLE = b"\3dns\7example\0"


def said(*served: Designated) -> list[str]:
    """Return the records that clients see, as dnspython writes them."""
    draft = designation(QUESTION, served)
    assert draft is not None
    (found,) = dns.message.from_wire(draft.body).answer
    assert str(found.name) == "_dns.resolver.arpa."
    assert found.ttl == 300
    return sorted(map(str, found))


def at(*hosts: str, port: int = 853) -> Designated:
    return Designated(DNS_EXAMPLE, port, hosts)


class DesignationTests(TestCase):
    def test_nothing(self) -> None:
        """Where nothing is served encrypted, nothing is said."""
        assert designation(QUESTION, nothing()) is None

    def test_hints(self) -> None:
        """Addresses stand there as hints, both kinds."""
        hosts = ("192.0.2.1", "2001:db8::1", "192.0.2.2")
        assert said(at(*hosts)) == [
            '1 dns.example. alpn="dot" ipv4hint="192.0.2.1,192.0.2.2"'
            ' ipv6hint="2001:db8::1"'
        ]

    def test_ports(self) -> None:
        """Each port has a record; 853 need not be said (RFC 9461 section 4.2)."""
        assert said(at("192.0.2.1", port=8853), at("192.0.2.1")) == [
            '1 dns.example. alpn="dot" port="8853" ipv4hint="192.0.2.1"',
            '2 dns.example. alpn="dot" ipv4hint="192.0.2.1"',
        ]

    def test_https(self) -> None:
        """Over HTTPS there is the template of the path, too (RFC 9461 section 5)."""
        way = Way((b"h2", b"http/1.1"), "/dns-query")
        assert said(at("192.0.2.1", port=443)._replace(way=way)) == [
            '1 dns.example. alpn="h2,http/1.1" ipv4hint="192.0.2.1"'
            ' dohpath="/dns-query{?dns}"'
        ]

    def test_all_addresses(self) -> None:
        """Who serves all addresses leaves it to the client to look up the name."""
        assert said(at("0.0.0.0", "::")) == ['1 dns.example. alpn="dot"']
        assert said(at("::", "192.0.2.1")) == [
            '1 dns.example. alpn="dot" ipv4hint="192.0.2.1"'
        ]

    def test_loopback(self) -> None:
        """Loopback is said where it is all; others would find themselves there."""
        assert said(at("127.0.0.1", "::1")) == [
            '1 dns.example. alpn="dot" ipv4hint="127.0.0.1" ipv6hint="::1"'
        ]
        assert said(at("127.0.0.1", "0.0.0.0")) == ['1 dns.example. alpn="dot"']
        assert said(at("::1", "192.0.2.1")) == [
            '1 dns.example. alpn="dot" ipv4hint="192.0.2.1"'
        ]
