"""A rule: what is done by name."""

from __future__ import annotations

from typing import Annotated, Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from msgspec import Struct
from msgspec.structs import fields

from dotproxy.config.caching import DAY
from dotproxy.config.setting import (
    ConfigError,
    Flag,
    Text,
    Texts,
    check_types,
    checked,
    one_of,
    respell,
    whole,
    written,
)
from dotproxy.config.spelling import host_name, place
from dotproxy.wire.dotted import read_name, spell_name

BLOCK, ALLOW = "block", "allow"
ACTIONS = (BLOCK, "answer", "forward", ALLOW, "redirect")
REPLIES = ("nxdomain", "nodata", "null", "refused")
POLICIES = STRIP, KEEP_ECH, PER_NAME = ("strip", "keep-ech", "address-per-name")

OWNERS = {
    "reply": ("block",),
    "records": ("answer",),
    "ttl": ("block", "answer"),
    "group": ("forward",),
    "policy": ("redirect",),
    "backend": ("redirect",),
    "proxy_protocol": ("redirect",),
    "origin": ("redirect",),
    "private": ("redirect",),
}
"""Keys that only some actions have."""

TTL = 60
"""Seconds for which clients keep what is said here: they soon see a rule change."""

CNAME = 5
"""The type of an alias, beside which there is nothing (RFC 1034 section 3.6.2)."""

Rdata = tuple[int, bytes]
"""The type of a record, and its data on the wire."""


class Rule(Struct, frozen=True):
    """Do something by name.

    `names` are as in `rule_name`, `files` hold more of them.  `reply` is for block,
    `records` ("A 192.0.2.1") for answer, `ttl` (seconds) for both; `group` is for
    forward.  The others are for redirect: `policy` says what becomes of ECH; with
    `backend`, an address and a port, all connections go there, which may be told who
    the client is (`proxy_protocol`); `origin` is looked up in place of the name itself;
    `private` lets an origin have any address, but for the gateway's own.
    """

    action: Annotated[str, one_of(ACTIONS)]
    names: Texts = ()
    files: Texts = ()
    reply: Annotated[str, one_of(REPLIES)] = "nxdomain"
    records: Texts = ()
    ttl: Annotated[int, whole(0, DAY)] = TTL
    group: Text = ""
    policy: Annotated[str, one_of(POLICIES)] = STRIP
    backend: Text = ""
    proxy_protocol: Flag = False
    origin: Text = ""
    private: Flag = False

    def __post_init__(self) -> None:
        check_types(self)
        respell(self, "names", rule_name)
        respell(self, "records", record)
        if not self.names and not self.files:
            raise ConfigError("it", "is for no name: give names, file or files")
        self._check_keys()
        self._check_alias()
        self._check_way()

    def __str__(self) -> str:
        """Return the action, and what it needs to be understood."""
        said = {
            "block": self.reply,
            "forward": self.group,
            "redirect": self.policy,
        }.get(self.action)
        return f"{self.action} ({said})" if said else self.action

    @property
    def rdatas(self) -> tuple[Rdata, ...]:
        """Return `records` as they are on the wire."""
        return tuple(map(_rdata, self.records))

    def _check_keys(self) -> None:
        for field in fields(self):
            if field.name in OWNERS and getattr(self, field.name) != field.default:
                self._check_owner(field.name)
        for key in ("records", "group"):
            if self.action in OWNERS[key] and not getattr(self, key):
                rule = f"says nothing without {key}"
                raise ConfigError(written("action", self.action), rule, ("action",))

    def _check_owner(self, key: str) -> None:
        if self.action not in OWNERS[key]:
            owners = " or ".join(OWNERS[key])
            rule = f"is for action {owners}, not for {self.action}: leave it away"
            raise ConfigError(written(key, getattr(self, key)), rule, (key,))

    def _check_alias(self) -> None:
        if len(self.records) > 1 and CNAME in dict(self.rdatas):
            rule = "has a CNAME, which stands alone (RFC 1034 section 3.6.2)"
            raise ConfigError(written("records", self.records), rule, ("records",))

    def _check_way(self) -> None:
        if self.origin:
            checked("origin", self.origin, host_name)
        if self.backend:
            checked("backend", self.backend, place)
        elif self.proxy_protocol:
            rule = "is for a backend of yours: an origin would take it for TLS"
            subject = written("proxy_protocol", True)
            raise ConfigError(subject, rule, ("proxy_protocol",))
        if self.backend and (self.origin or self.private):
            rule = "is all there is to know: leave origin and private away"
            raise ConfigError(written("backend", self.backend), rule, ("backend",))


def rule_name(text: str) -> str:
    """Return a name in its usual spelling.

    `example.org` is that name alone, `.example.org` or `*.example.org` also all below
    it, `.` every name.  Raises ValueError.
    """
    bare = text.removeprefix("*.") if text[:1] == "*" else text.removeprefix(".")
    if text in (".", "*"):
        return "."
    try:
        name = spell_name(read_name(bare))
    except ValueError:
        raise ValueError(
            "must be a name such as example.org, or .example.org for all below it, too"
        ) from None
    return name if bare == text else f".{name}"


def record(text: str) -> str:
    """Return a record without owner and TTL, `A 192.0.2.1`, as it is usually spelled.

    Raises ValueError.
    """
    rdata = _parsed(text)
    return f"{dns.rdatatype.to_text(rdata.rdtype)} {rdata}"


def _rdata(text: str) -> Rdata:
    rdata = _parsed(text)
    return int(rdata.rdtype), rdata.to_wire()


def _parsed(text: str) -> Any:
    kind, _, content = text.partition(" ")
    try:
        rdtype = dns.rdatatype.from_text(kind)
        if dns.rdatatype.is_metatype(rdtype):
            raise ValueError
        return dns.rdata.from_text(
            dns.rdataclass.IN, rdtype, content, dns.name.root, relativize=False
        )
    except (dns.exception.DNSException, ValueError):
        raise ValueError(
            "must be a type and what it holds, such as A 192.0.2.1 or CNAME example.org"
        ) from None
