"""The sockets that somebody bound for us: socket activation (sd_listen_fds(3)).

Whoever bound them keeps them while we restart.  What comes meanwhile waits in them,
and is answered.
"""

import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from dotproxy.config.model import Config, ConfigError, Listen
from dotproxy.config.spelling import joined
from dotproxy.server.listeners import Inherited
from dotproxy.server.sockets import Sockets, prepare

DNS = "dns"
"""What FileDescriptorName= calls a socket for plain DNS."""

UNNAMED = "unknown"
"""What a socket is called that was given no name; or by the socket unit's own."""

KINDS = {socket.SOCK_DGRAM: "UDP", socket.SOCK_STREAM: "TCP"}

FAMILIES = (socket.AF_INET, socket.AF_INET6)


def inherit(descriptors: Sequence[int], names: Sequence[str]) -> Inherited:
    """Return the sockets with these numbers and names, by their addresses.

    Raises ConfigError for what cannot be served: each address takes a socket for UDP
    and one for TCP.
    """
    found: defaultdict[Listen, dict[str, socket.socket]] = defaultdict(dict)
    for number, name in zip(descriptors, names, strict=True):
        _check_name(name)
        adopted = _adopt(number)
        found[Listen(*adopted.getsockname()[:2])][KINDS[adopted.type]] = adopted
    return {listen: _pair(listen, kinds) for listen, kinds in found.items()}


def listening(config: Config, inherited: Inherited) -> Config:
    """Return `config` with the inherited addresses, where it names none itself.

    One that does must name them all, and may name others.  So no inherited address
    goes unserved, by a reload neither: clients would wait there for nobody.
    """
    if not inherited:
        return config
    if config.listens_by_default:
        return replace(config, listen=tuple(inherited))
    for listen in inherited:
        if listen not in config.listen:
            raise ConfigError(
                "listen",
                f"lacks {listen}, which the service manager has bound for us: name it"
                " too, or take it out of the socket unit",
                ("listen",),
            )
    return config


def _check_name(name: str) -> None:
    if name not in (DNS, UNNAMED) and not name.endswith(".socket"):
        raise ConfigError(
            f"LISTEN_FDNAMES {name}", f"is not served: FileDescriptorName={DNS} is"
        )


def _adopt(number: int) -> socket.socket:
    """Make a socket of a descriptor, with the options that ours have."""
    try:
        adopted = socket.socket(fileno=number)
    except OSError as fault:
        raise _fault(
            f"descriptor {number}", f"is no socket: {fault.strerror}"
        ) from None
    if adopted.family not in FAMILIES or adopted.type not in KINDS:
        raise _fault(f"descriptor {number}", "must be for UDP or TCP")
    where = joined(*adopted.getsockname()[:2])
    if adopted.type == socket.SOCK_STREAM and not _listens(adopted):
        raise _fault(where, "must listen: Accept=no")
    if _takes_both_families(adopted):
        raise _fault(where, "takes IPv4 clients, too: BindIPv6Only=ipv6-only")
    adopted.set_inheritable(False)
    prepare(adopted, adopted.getsockname()[0])
    return adopted


def _pair(listen: Listen, kinds: Mapping[str, socket.socket]) -> Sockets:
    for kind, key in (("UDP", "ListenDatagram"), ("TCP", "ListenStream")):
        if kind not in kinds:
            raise _fault(str(listen), f"lacks {kind}: {key}={listen}")
    return Sockets(kinds["UDP"], kinds["TCP"])


def _listens(adopted: socket.socket) -> bool:
    return bool(adopted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _takes_both_families(adopted: socket.socket) -> bool:
    """Whether IPv4 clients come in by an IPv6 socket, under addresses made for that."""
    if adopted.family != socket.AF_INET6 or adopted.getsockname()[0] != "::":
        return False
    return not adopted.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def _fault(where: str, rule: str) -> ConfigError:
    return ConfigError(f"inherited socket: {where}", rule)
