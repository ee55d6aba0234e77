"""A server that is asked: where it is, and how it proves who it is."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from dotproxy.config.access import is_nearby
from dotproxy.config.setting import (
    ConfigError,
    Flag,
    Text,
    Texts,
    check_types,
    checked,
    respell,
    whole,
    written,
)
from dotproxy.config.spelling import (
    HIGHEST_PORT,
    address_and_port,
    host_name,
    ip_literal,
    joined,
    spki_pin,
)

PLAIN_PORT, TLS_PORT = 53, 853
"""Ports of plain DNS (RFC 1035 section 4.2) and of DNS over TLS (RFC 7858 3.1)."""

MOST_IN_FLIGHT = 1024
"""Queries under way to one server, unless it is configured otherwise."""

DEFAULT_GROUP = "default"
"""The group of upstreams that is asked for whatever no rule forwards elsewhere."""

IDENTITY = ("server_name", "spki_pins", "pins_report_only", "ca_file")
"""The keys that say how a server proves who it is."""

GROUP_NAME = Meta(
    pattern=r"\A[A-Za-z0-9_-]{1,32}\Z",
    description="a word of at most 32 letters, digits, hyphens and underscores",
)


class Upstream(Struct, frozen=True):
    """Describe a server that is asked, and how it proves who it is.

    - With `server_name`, the certificate must hold it as a DNS name (RFC 8310
      section 8.1).
    - Without, the certificate must hold the address itself, as iPAddress.
    - Without `server_name` but with `spki_pins`, the pins alone decide, and one must
      be of the server's own key (RFC 7858 section 4.2).  With both, both must fit.
    - With `pins_report_only` too, pins that do not fit are warned of, and the name
      decides: for the days before they are relied on.

    `ca_file` replaces the system's roots.  A server without addresses is looked up:
    `bootstrap` lists plain resolvers, `9.9.9.9` or `9.9.9.9:53`, that are asked for
    the address of `server_name` and for nothing else.

    Only what a rule forwards to its `group` is asked of a server, and the rest of the
    default group.  `cleartext` is for a server of a private network, which then has
    nothing to prove.  `max_in_flight` bounds the queries under way, over all its
    connections.
    """

    addresses: Texts
    port: Annotated[int, whole(1, HIGHEST_PORT)] = TLS_PORT
    server_name: Text = ""
    spki_pins: Texts = ()
    ca_file: Text = ""
    bootstrap: Texts = ()
    group: Annotated[str, GROUP_NAME] = DEFAULT_GROUP
    cleartext: Flag = False
    max_in_flight: Annotated[int, whole(1, 65_536)] = MOST_IN_FLIGHT
    pins_report_only: Flag = False

    def __post_init__(self) -> None:
        check_types(self)
        respell(self, "addresses", ip_literal)
        respell(self, "spki_pins", spki_pin)
        respell(self, "bootstrap", _resolver)
        if self.server_name:
            checked("server_name", self.server_name, host_name)
        if self.cleartext:
            self._check_cleartext()
        else:
            self._check_reachable()
            self._check_report_only()
        self._check_port()

    def __str__(self) -> str:
        """Return the short form of the first address: `tls://1.1.1.1:853#name`.

        In clear it is `udp://10.0.0.1:53`.
        """
        if self.cleartext:
            return f"udp://{joined(self.addresses[0], self.port)}"
        if not self.addresses:
            return f"tls://{self.server_name}:{self.port}"
        name = f"#{self.server_name}" if self.server_name else ""
        return f"tls://{joined(self.addresses[0], self.port)}{name}"

    @property
    def servers(self) -> tuple[tuple[str, int], ...]:
        """Return all that is asked, over TLS or not, as addresses and ports."""
        return (*((it, self.port) for it in self.addresses), *self.resolvers)

    @property
    def resolvers(self) -> tuple[tuple[str, int], ...]:
        """Return `bootstrap` as addresses and ports."""
        return tuple(address_and_port(text) for text in self.bootstrap)

    def _check_port(self) -> None:
        if self.cleartext and self.port == TLS_PORT:
            raise ConfigError(
                written("port", self.port),
                f"is for DNS over TLS: take {PLAIN_PORT}, or leave cleartext away",
                ("port",),
            )
        if self.port == PLAIN_PORT and not self.cleartext:
            raise ConfigError(
                written("port", self.port),
                "is for plain DNS, TLS must not be spoken there"
                f" (RFC 7858 section 3.1): take {TLS_PORT}",
                ("port",),
            )

    def _check_reachable(self) -> None:
        if self.addresses and self.bootstrap:
            raise ConfigError(
                written("bootstrap", self.bootstrap),
                "is for an upstream without an address: keep one of the two",
                ("bootstrap",),
            )
        if not self.addresses and not (self.server_name and self.bootstrap):
            raise ConfigError(
                "upstream",
                "has no address: give address, or both server_name and bootstrap",
            )

    def _check_report_only(self) -> None:
        if not self.pins_report_only:
            return
        rule = ""
        if not self.spki_pins:
            rule = "has no pins to report on: give spki_pins, or leave it away"
        elif not self.server_name:
            rule = (
                "stands without server_name, where the pins alone decide, and would let"
                " anybody pass: give server_name, or leave it away"
            )
        if rule:
            where = written("pins_report_only", True)
            raise ConfigError(where, rule, ("pins_report_only",))

    def _check_cleartext(self) -> None:
        for key in (*IDENTITY, "bootstrap"):
            value = getattr(self, key)
            if value:
                raise ConfigError(
                    written(key, value),
                    "stands beside cleartext = true, and in clear nobody proves who"
                    " they are: keep one of the two",
                    (key,),
                )
        if not self.addresses:
            raise ConfigError("upstream", "has no address: give address")
        for address in self.addresses:
            if not is_nearby(address):
                raise ConfigError(
                    f"cleartext = true with address {address}",
                    "would show queries to the Internet: only private addresses such"
                    " as 192.168.1.1 may be asked in clear, ask others over TLS",
                    ("cleartext",),
                )


def _resolver(text: str) -> str:
    return joined(*address_and_port(text, PLAIN_PORT))
