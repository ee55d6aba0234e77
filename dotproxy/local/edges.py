"""What is behind the names that encrypted hellos show (RFC 9849)."""

from collections.abc import Iterable

MOST = 1000
"""Names of either kind that are remembered: those that were learned last."""


class Edges:
    """Remember whose hellos show which name, and where such a service is.

    Names are those of hosts, in lower case.  All names of a provider show the same one,
    so who is behind it is one of them: the one that was asked for last.
    """

    def __init__(self) -> None:
        self._origins: dict[str, str] = {}
        self._behind: dict[str, str] = {}

    def learn(self, name: str, origin: str, shown: Iterable[str]) -> None:
        """Learn that hellos for `name` show these, and are read by `origin`."""
        _put(self._origins, name, origin)
        for each in shown:
            _put(self._behind, each, name)

    def behind(self, shown: str) -> str | None:
        """Return a name whose hellos show this one."""
        return self._behind.get(shown)

    def origin(self, name: str) -> str:
        """Return who reads the encrypted hellos for a name; nothing if unknown."""
        return self._origins.get(name, "")


def _put(table: dict[str, str], key: str, value: str) -> None:
    """Put an entry last in a table, and let the first go if it is full."""
    table.pop(key, None)
    if len(table) >= MOST:
        del table[next(iter(table))]
    table[key] = value
