"""Rules that redirect names, for the tests of the DNS and of the gateway."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from dotproxy.config.naming import Naming
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.leases import Leases
from dotproxy.local.rules import Rules

LEASES = ("127.64.0.0/16", "2001:db8:1::/64")

GATEWAY = ("192.0.2.10", "2001:db8::10")


def redirect(name: str, **settings: Any) -> Rule:
    """Redirect a name."""
    return Rule("redirect", (name,), **settings)


def rules_of(*rules: Rule, leases: Sequence[str] = ()) -> Rules:
    """Let these rules hold, with the gateway at GATEWAY, and leases out of networks."""
    book = Book.read(Naming(rules, gateway=GATEWAY))
    return Rules(book, Leases([ip_network(each) for each in leases], lambda: 0.0))
