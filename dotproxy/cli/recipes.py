"""What to enter where, so that clients come encrypted."""

from collections.abc import Callable, Mapping

from dotproxy.cli.served import Reached, Served
from dotproxy.config.model import TLS_PORT
from dotproxy.config.setting import ConfigError
from dotproxy.config.spelling import joined


def tls_of(served: Served) -> Reached:
    """Return where DNS over TLS is served; ConfigError if nowhere."""
    if served.tls is None:
        rule = "has no DNS over TLS, which this client needs: add tls:// to listen"
        raise ConfigError("server", rule)
    return served.tls


def https_of(served: Served) -> Reached:
    """Return where DNS over HTTPS is served; ConfigError if nowhere."""
    if served.https is None:
        rule = "has no DNS over HTTPS, which this client needs"
        raise ConfigError("server", f"{rule}: add https:// to listen, or give --path")
    return served.https


def usual_tls_of(served: Served) -> Reached:
    """Return the same for clients that know no other port than 853."""
    found = tls_of(served)
    if found.port != TLS_PORT:
        rule = (
            f"has DNS over TLS on port {found.port}: this client knows but {TLS_PORT}"
        )
        raise ConfigError("server", rule)
    return found


def _android(served: Served) -> str:
    name = usual_tls_of(served).name
    return f"Settings, Network, Private DNS, Private DNS provider hostname:\n{name}"


def _firefox(served: Served) -> str:
    where = "Settings, Privacy & Security, DNS over HTTPS, Max Protection, Custom:"
    return f"{where}\n{https_of(served).url}"


def _chromium(served: Served) -> str:
    where = "Settings, Privacy and security, Security, Use secure DNS, Custom:"
    return f"{where}\n{https_of(served).url}{{?dns}}"


def _resolved(served: Served) -> str:
    found = tls_of(served)
    if not found.addresses:
        rule = "has no address that systemd-resolved could ask: give --address"
        raise ConfigError("server", rule)
    places = (
        each if found.port == TLS_PORT else joined(each, found.port)
        for each in found.addresses
    )
    servers = " ".join(f"{place}#{found.name}" for place in places)
    lines = ("[Resolve]", f"DNS={servers}", "Domains=~.", "DNSOverTLS=yes")
    return "\n".join(("/etc/systemd/resolved.conf.d/dotproxy.conf:", *lines))


RECIPES: Mapping[str, Callable[[Served], str]] = {
    "android": _android,
    "firefox": _firefox,
    "chromium": _chromium,
    "resolved": _resolved,
}
"""By client: where to enter it, and then what, on lines of its own."""
