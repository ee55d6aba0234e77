"""Where clients come encrypted, as a configuration has it and certificates allow."""

from collections.abc import Sequence
from typing import NamedTuple

from dotproxy.config.model import HTTPS_PORT, TLS_PORT, Config, ConfigError, Listen
from dotproxy.config.spelling import WILDCARDS


class Reached(NamedTuple):
    """A server by its name, with a path where it speaks HTTP.

    Without addresses, clients look its name up.
    """

    name: str
    port: int
    addresses: tuple[str, ...] = ()
    path: str = ""

    @property
    def url(self) -> str:
        """What browsers take (RFC 8484 section 4.1)."""
        port = "" if self.port == HTTPS_PORT else f":{self.port}"
        return f"https://{self.name}{port}{self.path}"


class Served(NamedTuple):
    """How clients come: over TLS, over HTTPS, or either."""

    tls: Reached | None
    https: Reached | None


def served_by(config: Config, name: str) -> Served:
    """Return where a configuration serves under a name; ConfigError if nowhere."""
    tls = [each for each in config.listen if each.encrypted and not each.path]
    https = [each for each in config.listen if each.encrypted and each.path]
    if not (tls or https):
        rule = "has nothing encrypted: add a tls:// or https:// address"
        raise ConfigError("listen", rule, ("listen",))
    # Of several ports the one that all clients know.
    tls.sort(key=lambda each: each.port != TLS_PORT)
    https.sort(key=lambda each: each.port != HTTPS_PORT)
    return Served(_reached(name, tls), _reached(name, https))


def served_at(name: str, addresses: tuple[str, ...], path: str) -> Served:
    """Return where a server is that has the usual ports."""
    https = Reached(name, HTTPS_PORT, addresses, path) if path else None
    return Served(Reached(name, TLS_PORT, addresses), https)


def choose_name(names: Sequence[str], wanted: str) -> str:
    """Return the name to insist on: the one that is wanted, or the first that is one.

    Raises ConfigError if certificates for these `names` do not hold it.
    """
    if wanted:
        if not any(_holds(name, wanted.lower()) for name in names):
            has = ", ".join(names) or "no name"
            raise ConfigError("certificate", f"is not for {wanted}: it has {has}")
        return wanted.lower()
    for name in names:
        if "*" not in name:
            return name
    has = ", ".join(names) or "none"
    rule = f"has no name that clients could insist on, but {has}: give --name"
    raise ConfigError("certificate", rule)


def _holds(pattern: str, name: str) -> bool:
    """Whether a name of a certificate is for a name; `*` is for one label."""
    head, _, parent = name.partition(".")
    return pattern == name or (bool(head) and pattern == f"*.{parent}")


def _reached(name: str, listeners: Sequence[Listen]) -> Reached | None:
    """Return the first port, with all addresses that are served there.

    Where one is a wildcard, the name says more than we know.
    """
    if not listeners:
        return None
    port, path = listeners[0].port, listeners[0].path
    hosts = tuple(it.host for it in listeners if (it.port, it.path) == (port, path))
    known = () if set(hosts) & set(WILDCARDS) else hosts
    return Reached(name, port, known, path)
