"""The names whose traffic is led through the gateway, and where it goes from there.

The rules are the one table for both halves: what the DNS redirects the relay lets
through, and nothing else.
"""

from dataclasses import dataclass

from dotproxy.config.rule import Rule
from dotproxy.config.spelling import address_and_port
from dotproxy.local.rules import Rules
from dotproxy.wire.dotted import read_name


@dataclass(frozen=True, slots=True)
class Redirect:
    """Say where the connections for some names go."""

    backend: tuple[str, int] | None = None
    """A fixed address and port; without one, the name is looked up."""
    proxy_protocol: bool = False
    """Whether the backend is told who the client is.  An origin must not be: it
    would take the header for TLS."""
    origin: str = ""
    """The name to look up; without one, that which the client gave."""
    private: bool = False
    """Whether the origin may be at an address that is not public."""


class Redirects:
    """Find the redirect of a name, by the rules in force."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def find(self, name: str) -> Redirect | None:
        """Return the redirect of a host name in lower case, None if it has none.

        A name that encrypted hellos show goes where those are read, but for one that a
        rule names, or that another rule leads: no origin has a say about such a name.
        """
        wire = read_name(name)
        lead, behind = self._rules.lead(wire), self._rules.edges.behind(name)
        if behind and not (lead and self._rules.names(wire)):
            other = self._rules.lead(read_name(behind))
            may = lead is None or (lead is other and not lead.per_name)
            if may and other and other.asks:
                return redirect_of(other.rule, self._rules.edges.origin(behind))
        if lead is None:
            return None
        origin = self._rules.edges.origin(name) if lead.per_name else ""
        return redirect_of(lead.rule, origin)

    def name_at(self, address: str) -> str | None:
        """Return the name that an address of ours was leased to, if it was."""
        return self._rules.leases.name_at(address)


def redirect_of(rule: Rule, origin: str = "") -> Redirect:
    """Return where a rule leads connections; `origin` is for one that names none."""
    backend = address_and_port(rule.backend) if rule.backend else None
    origin = rule.origin.lower() or origin
    return Redirect(backend, rule.proxy_protocol, origin, rule.private)
