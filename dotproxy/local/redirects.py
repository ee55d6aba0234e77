"""The names whose traffic is led through the gateway, and where it goes from there.

One table serves both halves: it says which names the DNS redirects, and which ones
the relay lets through.  So there is no name that the one knows and the other does not.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Redirect:
    """Say where the connections for some names go."""

    backend: tuple[str, int] | None = None
    """A fixed address and port; without one, the name is looked up."""
    proxy_protocol: bool = False
    """Whether the backend is told who the client is.  An origin must not be: it
    would take the header for TLS."""
    origin: str = ""
    """The name to look up; without one, that which the client gave.  For the public
    name of a provider's ECH it is one that the provider serves."""
    private: bool = False
    """Whether the origin may be at an address that is not public."""


class Redirects:
    """Find the redirect of a name: its own before a suffix, a longer suffix first."""

    def __init__(self, entries: Iterable[tuple[str, Redirect]]) -> None:
        """Take names in lower case: `example.org` is one, `.example.org` is that name
        and all below it.  Of two that are the same, the first counts."""
        self._names: dict[str, Redirect] = {}
        self._suffixes: dict[str, Redirect] = {}
        for name, redirect in entries:
            known = self._suffixes if name.startswith(".") else self._names
            known.setdefault(name.removeprefix("."), redirect)

    def find(self, name: str) -> Redirect | None:
        """Return the redirect of a name in lower case, None if it has none."""
        found = self._names.get(name)
        while found is None and name:
            found = self._suffixes.get(name)
            _, _, name = name.partition(".")
        return found
