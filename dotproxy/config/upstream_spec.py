"""The short form of an upstream, as a flag gives it: `tls://1.1.1.1:853#name`."""

from difflib import get_close_matches

from dotproxy.config.presets import PRESETS
from dotproxy.config.setting import ConfigError, shown
from dotproxy.config.spelling import address_and_port, host_name
from dotproxy.config.upstream import TLS_PORT, Upstream

SCHEME = "tls://"

IN_CLEAR = ("udp://", "tcp://")
"""Schemes that others have for plain DNS."""


def parse_upstream(spec: str) -> Upstream:
    """Read `tls://ADDRESS[:PORT][#NAME]` or the name of a preset.

    The scheme may be left away.  NAME is what the certificate must hold; without
    it, that is ADDRESS.  An IPv6 address stands in brackets if a port follows.
    Raises ConfigError, also for a name without an address: to look one up needs a
    resolver, which has no place in the short form.
    """
    if spec in PRESETS:
        return PRESETS[spec]
    if spec.startswith(IN_CLEAR):
        rule = "asks in clear: only a file can allow that, with cleartext = true"
        raise ConfigError(shown(spec), rule)
    address, hash_sign, name = spec.removeprefix(SCHEME).partition("#")
    if "://" in address:
        raise ConfigError(shown(spec), "must begin with tls://, or with no scheme")
    if hash_sign and not name:
        raise ConfigError(shown(spec), "must have a host name after its #")
    try:
        host, port = address_and_port(address, TLS_PORT)
    except ValueError as fault:
        rule = _advice(address) or str(fault)
        raise ConfigError(shown(spec), rule) from None
    try:
        return Upstream((host,), port, name)
    except ConfigError as fault:
        rule = f"has {fault.subject}, which {fault.rule}"
        raise ConfigError(shown(spec), rule) from None


def _advice(address: str) -> str:
    """Say what to write for a bare name, or nothing if `address` is not one."""
    name = address.partition(":")[0]
    try:
        host_name(name)
    except ValueError:
        return ""
    near = get_close_matches(name, PRESETS, n=1)
    preset = f"; did you mean the preset {near[0]}?" if near else ""
    return (
        f"has no address: write tls://ADDRESS#{name},"
        f" or give server_name and bootstrap in a file{preset}"
    )
