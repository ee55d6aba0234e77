"""The groups that upstreams are in: the default one, and those of split DNS."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from dotproxy.config.setting import ConfigError, Path, written
from dotproxy.config.upstream import DEFAULT_GROUP, Upstream


def groups_of(upstreams: Iterable[Upstream]) -> dict[str, list[Upstream]]:
    """Return the upstreams of each group, groups and upstreams as they were given."""
    groups: dict[str, list[Upstream]] = {}
    for upstream in upstreams:
        groups.setdefault(upstream.group, []).append(upstream)
    return groups


def check_default(upstreams: Sequence[Upstream], strict: bool) -> None:
    """Check that somebody is asked for what no rule forwards, and not in clear.

    In clear it may be in the opportunistic profile alone, since these are the names
    of the whole Internet (RFC 8310 section 5).
    """
    if DEFAULT_GROUP not in groups_of(upstreams):
        raise ConfigError(
            "upstream",
            "has no server for names that no rule forwards: leave group away in one",
            ("upstream",),
        )
    for index, upstream in enumerate(upstreams):
        if strict and upstream.cleartext and upstream.group == DEFAULT_GROUP:
            raise ConfigError(
                "cleartext = true",
                "would let all names leave in clear, which profile = 'strict' forbids:"
                " give the upstream a group, and a rule that forwards to it",
                ("upstream", index, "cleartext"),
            )


def check_forwards(
    upstreams: Sequence[Upstream], forwards: Sequence[tuple[str, Path]]
) -> None:
    """Check that what is forwarded to is there, and what is there is forwarded to.

    `forwards` are the groups that rules name, each with the path to where it does.
    The default group needs no rule.
    """
    groups = groups_of(upstreams)
    for name, path in forwards:
        if name not in (DEFAULT_GROUP, *groups):
            near = get_close_matches(name, groups, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"known: {_list(groups)}"
            raise ConfigError(written("group", name), f"has no upstream, {meant}", path)
    used = {DEFAULT_GROUP, *(name for name, _ in forwards)}
    for index, upstream in enumerate(upstreams):
        if upstream.group not in used:
            raise ConfigError(
                written("group", upstream.group),
                "is never asked: write a [[rule]] that forwards to it",
                ("upstream", index, "group"),
            )


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
