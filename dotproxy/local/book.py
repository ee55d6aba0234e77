"""The rules of one moment: what is configured, and what its files say."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from dotproxy.config.naming import Naming
from dotproxy.config.rule import Rule
from dotproxy.config.upstream import DEFAULT_GROUP
from dotproxy.local.actions import Action, Ask, Each, Own, Pass, action_of, kind_of
from dotproxy.local.hosts import HostsFile, join_hosts
from dotproxy.local.lead import BINDINGS, Lead, host_at, lead_of
from dotproxy.local.name_list import ListFile, NameList, fingerprint
from dotproxy.local.name_set import pack
from dotproxy.local.names import NameTable
from dotproxy.local.special import zones
from dotproxy.local.verdicts import Claim, Effect, Verdict
from dotproxy.wire.dotted import read_name
from dotproxy.wire.svcb import ROOT

EFFECTS = {"block": Effect.BLOCK, "allow": Effect.ALLOW}

STANDING = frozenset(("allow", "forward"))
"""The actions that are not paused: a name of a private network is nobody else's."""

PASS = Pass()

ALLOWED = Verdict(0, Effect.ALLOW)

F = TypeVar("F", ListFile, HostsFile)


class Files(NamedTuple):
    """The files that rules are in, by path, as they were when they were read."""

    lists: Mapping[str, ListFile]
    hosts: Mapping[str, HostsFile]


class Found(NamedTuple):
    """The action that a name meets, and why.

    `entry` is the place of the rule, or beyond the rules something else that is known
    here; `at` is where in the name the listed one begins.
    """

    entry: int
    effect: Effect
    action: Action
    at: int


class Book:
    """Find the action for a name.

    A book never changes; `renewed` makes another.  Both may take seconds where lists
    are long, touch nothing but files, and so may run in a thread.
    """

    def __init__(self, naming: Naming, files: Files, paused: bool = False) -> None:
        self.naming, self.files = naming, files
        rules: list[Action] = [
            action_of(rule, n)
            if rule.action != "redirect"
            else lead_of(rule, n, naming.gateway, naming.ports)
            for n, rule in enumerate(naming.rules, 1)
        ]
        held = {
            place: rule
            for place, rule in enumerate(naming.rules)
            if not paused or rule.action in STANDING
        }
        hosts = join_hosts(files.hosts.values())
        special = dict(zones(naming.special.canary))
        self.actions: list[Action] = [*rules, hosts, *special.values()]
        claims = [
            *_rule_claims(held, files.lists),
            Claim(Verdict(len(rules), Effect.OTHER), pack(hosts.names)),
        ]
        for place, zone in enumerate(special, len(rules) + 1):
            names = pack([read_name(zone)])
            claims.append(Claim(Verdict(place, Effect.OTHER), names, below=True))
        self._table = NameTable(claims)
        trusted = own_names(naming.rebinding.allow)
        self._trusted = NameTable(
            [
                Claim(ALLOWED, trusted.names),
                Claim(ALLOWED, trusted.suffixes, below=True),
            ]
        )
        acts = [rules[place] for place in held]
        self.follows = any(isinstance(each, Own) and each.alias for each in acts)
        """Whether some name is an alias of another, which must be asked for."""
        self.blocks = any(rule.action == "block" for rule in held.values())
        """Whether some name is blocked, which others may be aliases of."""
        self.leads = any(isinstance(each, Lead) and each.asks for each in acts)
        """Whether answers have to be led to the gateway."""

    @classmethod
    def read(cls, naming: Naming, before: "Book | None" = None) -> "Book":
        """Read all files and make a book.  Raises OSError if one cannot be read.

        What is as it was in the book before is not read again; where that holds for
        all, the book before is returned.
        """
        known = before.files if before else Files({}, {})
        files = Files(
            {path: _current(path, ListFile, known.lists) for path in naming.files},
            {
                path: _current(path, HostsFile, known.hosts)
                for path in naming.hosts.files
            },
        )
        if before and (before.naming, before.files) == (naming, files):
            return before
        return cls(naming, files)

    def paused(self) -> "Book":
        """Return a book in which only the rules that forward or allow hold.

        What follows from no rule holds as well: hosts files, names of special use.
        """
        return Book(self.naming, self.files, paused=True)

    def find(self, name: bytes) -> Found | None:
        """Return what a name meets: folded, on the wire, root included."""
        found = self._table.find(name)
        if found is None:
            return None
        (entry, effect), at = found
        action = PASS if effect is Effect.ALLOW else self.actions[entry]
        return Found(entry, effect, action, at)

    def find_for(self, name: bytes, question: bytes) -> Found | None:
        """Return what a question meets, whose name, folded, is `name`.

        HTTPS and SVCB of _8443._https.example.org say where example.org is, so what is
        said of the host holds for them, unless a rule is for the longer name itself.
        """
        found = self.find(name)
        if name[1:2] != b"_" or kind_of(question) not in BINDINGS:
            return found
        at = host_at(name)
        if found is not None and found.at < at:
            return found
        host = self.find(name[at:])
        if host is None or (found is not None and found[:2] == host[:2]):
            return found
        return _of_service(host, name[at:])._replace(at=host.at + at)

    def may_be_private(self, name: bytes, found: Found | None) -> bool:
        """Whether a name may have private addresses; `found` is what it meets.

        So it may where another group is asked for it: that is what split DNS is for.
        """
        if not self.naming.rebinding.protect:
            return True
        if found is not None and isinstance(found.action, Ask):
            return found.action.group != DEFAULT_GROUP
        return self._trusted.match(name) is not None

    def renewed(self, complain: Callable[[OSError], object]) -> "Book":
        """Return a book of the files as they are now; itself if none has changed.

        What cannot be read stays as it was; `complain` hears of it.
        """
        lists, hosts = dict(self.files.lists), dict(self.files.hosts)
        for path in lists:
            try:
                lists[path] = _current(path, ListFile, lists)
            except OSError as fault:
                complain(fault)
        for path in hosts:
            try:
                hosts[path] = _current(path, HostsFile, hosts)
            except OSError as fault:
                complain(fault)
        files = Files(lists, hosts)
        return self if files == self.files else Book(self.naming, files)


def _of_service(found: Found, host: bytes) -> Found:
    """Return what a service of a host meets that has not the host's own records."""
    action = found.action
    own = action.names[host] if isinstance(action, Each) else action
    if isinstance(own, Own):
        return found._replace(action=Own({}, own.ttl, own.text))
    return found


def _current(path: str, kind: type[F], known: Mapping[str, F]) -> F:
    """Read a file, unless it looks as it did when it was read."""
    before = known.get(path)
    if before is not None and fingerprint(path) == before.fingerprint:
        return before
    return kind.read(path)


def _rule_claims(
    rules: Mapping[int, Rule], lists: Mapping[str, ListFile]
) -> Iterator[Claim]:
    for place, rule in rules.items():
        verdict = Verdict(place, EFFECTS.get(rule.action, Effect.OTHER))
        exempt = Verdict(place, Effect.ALLOW)
        for listed in (
            own_names(rule.names),
            *(lists[file].listed for file in rule.files),
        ):
            yield Claim(verdict, listed.names)
            yield Claim(verdict, listed.suffixes, below=True)
            yield Claim(exempt, listed.except_names)
            yield Claim(exempt, listed.except_suffixes, below=True)


def own_names(spelled: Iterable[str]) -> NameList:
    """Return names as rules spell them, as a list."""
    names, suffixes = [], []
    for name in spelled:
        if name[0] == ".":
            suffixes.append(ROOT if name == "." else read_name(name[1:]))
        else:
            names.append(read_name(name))
    return NameList(pack(names), pack(suffixes))
