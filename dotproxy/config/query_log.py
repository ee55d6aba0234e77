"""What is written of single queries, where to, and how much of it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from dotproxy.config.admin import LONGEST_PATH
from dotproxy.config.setting import (
    ConfigError,
    Flag,
    Text,
    Texts,
    check_types,
    one_of,
    shown,
    whole,
    written,
)

OFF, TEXT, JSON, DNSTAP = FORMATS = ("off", "text", "json", "dnstap")

PLAIN, HASHED = NAMES = ("plain", "hashed")

FIELDS = (
    *("time", "client", "transport", "name", "type", "class"),
    *("rcode", "flags", "source", "size", "ms"),
)
"""What a line may say, in the order in which it usually does."""

USUAL_FIELDS = tuple(name for name in FIELDS if name not in ("class", "flags", "size"))


class QueryLog(Struct, frozen=True):
    """Say what is written: nothing, by default.

    `file` is a path, or "" for stdout; `socket` one where somebody reads dnstap.  A
    file of more than `max_size` octets is put aside, and `keep` of those are kept.
    The rest says what is written of clients and names, and of how many queries;
    `clients` and names that ask most are counted with `top`.
    """

    format: Annotated[str, one_of(FORMATS)] = OFF
    file: Text = ""
    socket: Text = ""
    max_size: Annotated[int, whole(0, 2**40)] = 100 * 2**20
    keep: Annotated[int, whole(0, 1000)] = 5
    fields: Texts = USUAL_FIELDS
    sample: Annotated[
        float, Meta(gt=0, le=1, description="a number above 0, at most 1")
    ] = 1.0
    ipv4_prefix: Annotated[int, whole(0, 32)] = 24
    ipv6_prefix: Annotated[int, whole(0, 128)] = 56
    names: Annotated[str, one_of(NAMES)] = PLAIN
    key_file: Text = ""
    top: Flag = False

    def __post_init__(self) -> None:
        check_types(self)
        self._check_fields()
        for key in ("file", "socket", "key_file"):
            if "\0" in getattr(self, key):
                raise _wrong(self, key, "must be a path: no file has a NUL in its name")
        if self.format == DNSTAP:
            self._check_dnstap()
        elif self.socket:
            raise _wrong(self, "socket", "is for format = 'dnstap': give a file")

    def _check_fields(self) -> None:
        for name in self.fields:
            if name not in FIELDS:
                rule = f"has {shown(name)}: choose from {', '.join(FIELDS)}"
                raise _wrong(self, "fields", rule)
        if not self.fields or len(set(self.fields)) < len(self.fields):
            raise _wrong(self, "fields", "must name some fields, each of them once")

    def _check_dnstap(self) -> None:
        if bool(self.file) == bool(self.socket):
            rule = "needs a place: give either a file or a socket"
            raise _wrong(self, "format", rule)
        if len(self.socket.encode()) > LONGEST_PATH:
            raise _wrong(self, "socket", f"must have at most {LONGEST_PATH} octets")
        if self.names == HASHED:
            rule = "cannot be with dnstap, which has whole messages: take text or json"
            raise _wrong(self, "names", rule)


def _wrong(settings: QueryLog, key: str, rule: str) -> ConfigError:
    return ConfigError(written(key, getattr(settings, key)), rule, (key,))
