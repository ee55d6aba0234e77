"""Where the proxy is looked at and steered, and by whom."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import force_setattr

from dotproxy.config.setting import (
    ConfigError,
    Secret,
    Text,
    Texts,
    check_types,
    checked,
    respell,
    written,
)
from dotproxy.config.spelling import address_and_port, host_name, joined

AUTO = "auto"
"""The UNIX socket where the system has a folder for such."""

FILE = "dotproxy.sock"
"""What the socket is called there."""

SYSTEM_FOLDER = "/run/dotproxy"
"""The folder of a service that belongs to the system."""

LONGEST_PATH = 103
"""Octets of a socket's path that every system takes (unix(7) has 107, BSDs 103)."""

TOKEN = re.compile(r"[!-~]{16,}")
"""What a token may be: enough to guess, and to be written into a header."""


class Admin(Struct, frozen=True):
    """Say where it listens: `listen` over TCP, `socket` in the file system.

    "" is nowhere.  `hosts` are the names by which clients may call the TCP address,
    beside IP addresses and localhost.  `token` is what they must know to change
    anything, or see what is asked; without one nobody can over TCP.
    """

    listen: Text = ""
    socket: Text = AUTO
    hosts: Texts = ()
    token: Secret = ""

    def __post_init__(self) -> None:
        check_types(self)
        if self.listen:
            force_setattr(self, "listen", checked("listen", self.listen, admin_address))
        respell(self, "hosts", host_name)
        if self.token and not TOKEN.fullmatch(self.token):
            # The value is a secret, and stays out of the message.
            rule = "must have 16 characters or more, of ASCII and without spaces"
            raise ConfigError("token", rule, ("token",))
        if self.socket not in ("", AUTO) and not _is_path(self.socket):
            rule = f"must be '{AUTO}', '', or a path from / of {LONGEST_PATH} octets"
            raise ConfigError(written("socket", self.socket), rule, ("socket",))


def admin_address(text: str) -> str:
    """Return an address and port as they are usually spelled.  Raises ValueError."""
    return joined(*address_and_port(text))


def _is_path(text: str) -> bool:
    # A daemon may leave its folder, so a path has to begin at the root.
    short = len(os.fsencode(text)) <= LONGEST_PATH
    return text.startswith("/") and short and "\0" not in text


def usual_sockets(environment: Mapping[str, str]) -> list[str]:
    """Return where the socket may be, the best place first.

    RUNTIME_DIRECTORY is what systemd made for the service, XDG_RUNTIME_DIR belongs to
    the user who logged in.
    """
    folders = [
        environment.get(name, "") for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR")
    ]
    # systemd separates several by colons.
    given = [folder.partition(":")[0] for folder in folders if folder]
    return [os.path.join(folder, FILE) for folder in (*given, SYSTEM_FOLDER)]
