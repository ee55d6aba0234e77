"""The configuration file, dotproxy.toml: read, checked and turned into a Config."""

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dotproxy.config.access import Access, RateLimit
from dotproxy.config.admin import Admin
from dotproxy.config.caching import Caching
from dotproxy.config.certificate import Certificate
from dotproxy.config.clients import Clients
from dotproxy.config.gateway import Gateway
from dotproxy.config.groups import groups_of
from dotproxy.config.model import (
    DEFAULT_LISTEN,
    Config,
    ConfigError,
    Forward,
    Listen,
    parse_listen,
)
from dotproxy.config.named_files import certificate_file, list_file
from dotproxy.config.naming import Hosts, Rebinding, SpecialNames
from dotproxy.config.presets import DEFAULT_UPSTREAM
from dotproxy.config.query_log import QueryLog
from dotproxy.config.rule import ACTIONS, Rule
from dotproxy.config.setting import Path, checked, shown, written
from dotproxy.config.shared_cache import Shared
from dotproxy.config.spelling import ip_literal, spread
from dotproxy.config.toml_lines import line_of
from dotproxy.config.toml_text import Table, parse, read
from dotproxy.config.upstream import DEFAULT_GROUP, PLAIN_PORT, Upstream

DEFAULT = Config(DEFAULT_LISTEN, DEFAULT_UPSTREAM)
"""What holds when nothing is configured: an empty file says the same."""

TABLES: Mapping[str, type[Struct]] = {
    "forward": Forward,
    "access": Access,
    "rate_limit": RateLimit,
    "clients": Clients,
    "hosts": Hosts,
    "rebinding": Rebinding,
    "special": SpecialNames,
    "gateway": Gateway,
    "admin": Admin,
    "query_log": QueryLog,
}
KEYS = (
    *("listen", "workers", "profile", "upstream", "cache", "rule", "certificate"),
    *TABLES,
)
UPSTREAM_KEYS = ("address", *Upstream.__struct_fields__)
RULE_KEYS = ("file", *Rule.__struct_fields__)

S = TypeVar("S", bound=Struct)


def load(path: str) -> Config:
    """Read the file `path`; what it leaves away has its default.

    Raises ConfigError, which begins with the file and the line.  A relative
    `ca_file` is looked for beside the file.
    """
    text = read(path)
    document = parse(path, text)
    try:
        return _config(document, os.path.dirname(path))
    except ConfigError as fault:
        line = line_of(text, fault.path) if fault.path else None
        place = f"{path}:{line}" if line else path
        raise ConfigError(f"{place}: {fault.subject}", fault.rule, fault.path) from None


def _config(document: Table, folder: str) -> Config:
    _refuse_unknown(document, KEYS)
    settings = dict(document)
    if "listen" in settings:
        settings["listen"] = _listeners(settings["listen"])
    if "upstream" in settings:
        settings["upstream"] = _upstreams(settings["upstream"], folder)
    if "rule" in settings:
        settings["rule"] = tuple(
            _rule(table, index, folder)
            for index, table in enumerate(_tables("rule", settings["rule"]))
        )
    for name, kind in TABLES.items():
        if name in settings:
            settings[name] = _table(name, kind, settings[name])
    if "cache" in settings:
        settings["cache"] = _cache(settings["cache"], folder)
    if "certificate" in settings:
        settings["certificate"] = _certificates(settings["certificate"], folder)
    if "hosts" in settings:
        settings["hosts"] = _hosts(settings["hosts"], folder)
    if "query_log" in settings:
        paths = ("file", "socket", "key_file")
        settings["query_log"] = _rooted(settings["query_log"], paths, folder)
    return replace(DEFAULT, **settings)


def _listeners(value: object) -> tuple[Listen, ...]:
    if not isinstance(value, list):
        rule = "must be an array of strings such as ['127.0.0.1:5300']"
        raise ConfigError(written("listen", value), rule, ("listen",))
    return tuple(listener for each in value for listener in _spread(each))


def _spread(value: object) -> Iterator[Listen]:
    try:
        if not isinstance(value, str):
            raise ConfigError(shown(value), "must be a string")
        for text in spread(value):
            yield parse_listen(text)
    except ConfigError as fault:
        subject = f"listen = {fault.subject}"
        raise ConfigError(subject, fault.rule, ("listen",)) from None


def _tables(name: str, value: object) -> list[Table]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        rule = f"must be an array of tables: begin each with [[{name}]]"
        raise ConfigError(name, rule, (name,))
    return value


def _upstreams(value: object, folder: str) -> tuple[Upstream, ...]:
    """Read the upstreams; who writes others only leaves the default group as it is."""
    found = tuple(
        _upstream(table, ("upstream", index), folder)
        for index, table in enumerate(_tables("upstream", value))
    )
    if found and DEFAULT_GROUP not in groups_of(found):
        return (*found, *DEFAULT_UPSTREAM)
    return found


def _upstream(table: Table, path: Path, folder: str) -> Upstream:
    _refuse_unknown(table, UPSTREAM_KEYS, path, " in [[upstream]]")
    settings = dict(table)
    if settings.get("cleartext") is True:
        settings.setdefault("port", PLAIN_PORT)
    try:
        settings["addresses"] = _addresses(settings)
        if settings.get("ca_file", ""):
            settings["ca_file"] = checked(
                "ca_file",
                settings["ca_file"],
                lambda name: certificate_file(os.path.join(folder, name)),
            )
        return Upstream(**settings)
    except ConfigError as fault:
        raise ConfigError(fault.subject, fault.rule, path + fault.path) from None


def _addresses(settings: dict[str, Any]) -> object:
    """Take `address` out of `settings` and return it as `addresses` would be."""
    if "address" not in settings:
        return settings.get("addresses", ())
    address = settings.pop("address")
    if "addresses" in settings:
        rule = "stands beside addresses: keep one of the two"
        raise ConfigError(written("address", address), rule, ("address",))
    return (checked("address", address, ip_literal),)


def _rule(table: Table, index: int, folder: str) -> Rule:
    try:
        _refuse_unknown(table, RULE_KEYS, (), " in [[rule]]")
        if "action" not in table:
            raise ConfigError("it", f"has no action: give one of {', '.join(ACTIONS)}")
        settings = dict(table)
        key = "file" if "file" in table else "files"
        settings["files"] = _rule_files(settings)
        rule = Rule(**settings)
        return replace(rule, files=_beside(folder, rule.files, key))
    except ConfigError as fault:
        subject = f"rule {index + 1}: {fault.subject}"
        raise ConfigError(subject, fault.rule, ("rule", index, *fault.path)) from None


def _rule_files(settings: dict[str, Any]) -> object:
    """Take `file` out of `settings` and return it as `files` would be."""
    if "file" not in settings:
        return settings.get("files", ())
    file = settings.pop("file")
    if "files" in settings:
        rule = "stands beside files: keep one of the two"
        raise ConfigError(written("file", file), rule, ("file",))
    return (checked("file", file, str),)


def _hosts(hosts: Hosts, folder: str) -> Hosts:
    try:
        return replace(hosts, files=_beside(folder, hosts.files, "files"))
    except ConfigError as fault:
        path = ("hosts", *fault.path)
        raise ConfigError(fault.subject, fault.rule, path) from None


def _beside(folder: str, files: Iterable[str], key: str) -> tuple[str, ...]:
    """Return where the files are that stand under a key, and can be read."""
    return tuple(
        checked(key, file, lambda name: list_file(os.path.join(folder, name)))
        for file in files
    )


def _certificates(value: object, folder: str) -> tuple[Certificate, ...]:
    """Read [certificate], or each [[certificate]]."""
    if not isinstance(value, list):
        return (_certificate(value, folder),)
    return tuple(_certificate(each, folder) for each in value)


def _certificate(value: object, folder: str) -> Certificate:
    path = ("certificate",)
    for key in ("chain", "key"):
        if isinstance(value, dict) and key not in value:
            raise ConfigError("certificate", f"has no {key}: name a PEM file", path)
    found = _table("certificate", Certificate, value)
    # A daemon may leave its folder.
    chain, key = (
        os.path.abspath(os.path.join(folder, name)) for name in (found.chain, found.key)
    )
    return Certificate(chain, key)


def _cache(value: object, folder: str) -> Caching:
    if isinstance(value, dict) and "shared" in value:
        shared = _table("cache.shared", Shared, value["shared"])
        value = {**value, "shared": shared.beside(folder)}
    caching = _table("cache", Caching, value)
    if not caching.file:
        return caching
    if "\0" in caching.file:
        rule = "must be a path: no file has a NUL in its name"
        raise ConfigError(written("file", caching.file), rule, ("cache", "file"))
    return _rooted(caching, ("file",), folder)


def _rooted(settings: S, keys: Iterable[str], folder: str) -> S:
    """Return the same with paths from the root: a daemon may leave its folder."""
    given = ((key, getattr(settings, key)) for key in keys)
    whole = {key: os.path.abspath(os.path.join(folder, it)) for key, it in given if it}
    return replace(settings, **whole)


def _table(name: str, kind: type[S], value: object) -> S:
    """Make a table of the file what it stands for."""
    path = tuple(name.split("."))
    if not isinstance(value, dict):
        rule = f"must be a table: begin it with [{name}]"
        raise ConfigError(written(name, value), rule, path)
    _refuse_unknown(value, kind.__struct_fields__, path, f" in [{name}]")
    try:
        return kind(**value)
    except ConfigError as fault:
        raise ConfigError(fault.subject, fault.rule, path + fault.path) from None


def _refuse_unknown(
    table: Table, known: Iterable[str], path: Path = (), where: str = ""
) -> None:
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            meant = f"did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"unknown key {shown(key)}{where},",
                meant or f"known: {', '.join(known)}",
                (*path, key),
            )
