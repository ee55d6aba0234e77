"""All that is decided by name."""

from __future__ import annotations

from msgspec import Struct

from dotproxy.config.rule import Rule, rule_name
from dotproxy.config.setting import Flag, Texts, check_types, respell


class Hosts(Struct, frozen=True):
    """Name hosts files, whose names and addresses are answered here."""

    files: Texts = ()

    def __post_init__(self) -> None:
        check_types(self)


class Rebinding(Struct, frozen=True):
    """Say whether private addresses are taken out of what upstreams answer.

    `allow` lists names that may have some, spelled as in rules.
    """

    protect: Flag = False
    allow: Texts = ()

    def __post_init__(self) -> None:
        check_types(self)
        respell(self, "allow", rule_name)


class SpecialNames(Struct, frozen=True):
    """Say what is answered here beside the names of special use.

    With `single_labels` addresses of names without a dot; with `canary` the name by
    which Firefox asks whether to leave this resolver for one of its own.
    """

    single_labels: Flag = True
    canary: Flag = False

    def __post_init__(self) -> None:
        check_types(self)


class Naming(Struct, frozen=True):
    """Hold what is configured of all this."""

    rules: tuple[Rule, ...] = ()
    hosts: Hosts = Hosts()
    rebinding: Rebinding = Rebinding()
    special: SpecialNames = SpecialNames()
    gateway: tuple[str, ...] = ()
    """The addresses to which clients are redirected."""
    ports: tuple[int, ...] = ()
    """The ports that are known to be served there."""

    @property
    def files(self) -> tuple[str, ...]:
        """The lists of all rules, each once."""
        return tuple(dict.fromkeys(file for rule in self.rules for file in rule.files))
