"""A cache that a fleet shares, in Redis or Valkey."""

from __future__ import annotations

import os
import re
from typing import Annotated, NamedTuple
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from dotproxy.config.access import is_nearby
from dotproxy.config.setting import (
    ConfigError,
    Secret,
    Text,
    check_types,
    seconds,
    written,
)
from dotproxy.config.spelling import host_name, ip_literal, joined

SCHEMES = {"redis": False, "rediss": True}
"""How it is asked, and whether over TLS."""

PORT = 6379

FILES = ("ca_file", "password_file", "secret_file")

FORM = (
    "must be redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS;"
    " in user and password write %40 for @, and the like"
)


class Place(NamedTuple):
    """Where it is, and who we are there.  Its text has no secret."""

    host: str
    port: int
    encrypted: bool = False
    user: str = ""
    password: str = ""
    database: int = 0

    def __str__(self) -> str:
        scheme = "rediss" if self.encrypted else "redis"
        return f"{scheme}://{joined(self.host, self.port)}/{self.database}"

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address, and no name."""
        return _looks_like_address(self.host)


class Shared(Struct, frozen=True):
    """Say where answers are shared; nowhere, if `url` is empty.

    `timeout` is how long a look-up may take, in seconds.  `password_file` is for a
    password that does not stand in the URL.  Who has what is in `secret_file` can write
    answers that we believe; without one all can who may write there.
    """

    url: Secret = ""
    ca_file: Text = ""
    password_file: Text = ""
    secret_file: Text = ""
    timeout: Annotated[float, seconds(0.001, 0.1)] = 0.005

    def __post_init__(self) -> None:
        check_types(self)
        if not self.url:
            for key in FILES:
                if getattr(self, key):
                    rule = "is for a shared cache: give its url, too"
                    raise ConfigError(written(key, getattr(self, key)), rule, (key,))
            return
        place = self.place
        if self.ca_file and not place.encrypted:
            rule = "stands beside a url without TLS: write it as rediss://"
            raise ConfigError(written("ca_file", self.ca_file), rule, ("ca_file",))
        if self.password_file and place.password:
            rule = "stands beside a password in the url: keep one of the two"
            path = ("password_file",)
            raise ConfigError(written("password_file", self.password_file), rule, path)

    def beside(self, folder: str) -> Shared:
        """Return the same with absolute paths, which begin at `folder`.

        A daemon may leave its own.  The files are read where a connection is made.
        """
        paths = {
            key: os.path.abspath(os.path.join(folder, getattr(self, key)))
            for key in FILES
            if getattr(self, key)
        }
        return replace(self, **paths)

    @property
    def place(self) -> Place:
        """Where it is; ConfigError if the URL names no such place."""
        try:
            found = _place(self.url)
        except ValueError as fault:
            # No word of the URL: it may have a password.
            raise ConfigError("url", str(fault), ("url",)) from None
        if found.is_address and not (found.encrypted or is_nearby(found.host)):
            raise ConfigError(
                f"url {found}",
                "would show names to the Internet: only private addresses such as"
                " 192.168.1.1 may be asked in clear, write rediss:// for others",
                ("url",),
            )
        return found


def _place(url: str) -> Place:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(FORM) from None
    number = parts.path.removeprefix("/") or "0"
    if parts.scheme not in SCHEMES or not host or port == 0:
        raise ValueError(FORM)
    if parts.query or parts.fragment or not re.fullmatch("[0-9]{1,4}", number):
        raise ValueError(f"ends with something else than a database: {FORM}")
    return Place(
        ip_literal(host) if _looks_like_address(host) else host_name(host),
        port or PORT,
        SCHEMES[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        int(number),
    )


def _looks_like_address(host: str) -> bool:
    return host[-1].isdecimal() or ":" in host
