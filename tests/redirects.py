"""Rules that redirect names, for the tests of the DNS and of the gateway."""

from typing import Any

from dotproxy.config.naming import Naming
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.rules import Rules

GATEWAY = ("192.0.2.10", "2001:db8::10")


def redirect(name: str, **settings: Any) -> Rule:
    """Redirect a name."""
    return Rule("redirect", (name,), **settings)


def rules_of(*rules: Rule, gateway: tuple[str, ...] = GATEWAY) -> Rules:
    """Let these rules hold, with the gateway at these addresses."""
    return Rules(Book.read(Naming(rules, gateway=gateway)))
