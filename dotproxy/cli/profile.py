"""`dotproxy profile`: what clients need to come encrypted."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from twisted.python import usage

from dotproxy.cli import command
from dotproxy.cli.mobileconfig import write_mobileconfig
from dotproxy.cli.recipes import RECIPES, usual_tls_of
from dotproxy.cli.served import Reached, Served, choose_name, served_at, served_by
from dotproxy.config.model import PATH, Config, ConfigError
from dotproxy.config.options import checked, opt_version
from dotproxy.config.spelling import host_name, ip_literal
from dotproxy.config.toml_file import load
from dotproxy.server.credentials import names_of, read_chain


class ProfileOptions(usage.Options):
    """Read the flags of `dotproxy profile`."""

    synopsis = "dotproxy profile [--config FILE | --name NAME] [CLIENT] [options]"
    longdesc = (
        "Say what to enter where, so that clients come to a proxy encrypted: by its"
        " configuration and its certificate, or by NAME and the usual ports.  Without a"
        " CLIENT it is said for all.  Exit status: 0 done, 2 wrong usage, or nothing"
        " that such clients could use."
    )

    takes: ClassVar[Mapping[str, str]] = {
        "apple": "",
        "android": "",
        "firefox": "",
        "chromium": "",
        "resolved": "",
        "config": "FILE",
        "name": "NAME",
        "address": "ADDRESS",
        "path": "PATH",
        "help": "",
        "version": "",
    }
    """What --help shows, in its order: the flags and what they take."""

    parseOptions = command.parse_options
    getUsage = command.usage_text
    opt_help = command.opt_help
    opt_version = opt_version

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self._clients: list[str] = []
        self._config: Config | None = None
        self._file = self._name = self._path = ""
        self._addresses: tuple[str, ...] = ()

    def opt_apple(self) -> None:
        """CLIENT: write a profile for iPhones, iPads and Macs, a .mobileconfig."""
        self._clients.append("apple")

    def opt_android(self) -> None:
        """CLIENT: for Android 9 and later."""
        self._clients.append("android")

    def opt_firefox(self) -> None:
        """CLIENT: for Firefox."""
        self._clients.append("firefox")

    def opt_chromium(self) -> None:
        """CLIENT: for Chromium, Chrome and Edge."""
        self._clients.append("chromium")

    def opt_resolved(self) -> None:
        """CLIENT: for systemd-resolved."""
        self._clients.append("resolved")

    def opt_config(self, text: str) -> None:
        """Read what is served from this file, and names from its certificates."""
        try:
            self._config, self._file = load(text), text
        except ConfigError as fault:
            raise usage.UsageError(str(fault)) from None

    def opt_name(self, text: str) -> None:
        """Insist on this name (default the first of the certificate)."""
        self._name = checked("--name", text, host_name)

    def opt_address(self, text: str) -> None:
        """Where clients reach it (default what listens; else they look the name
        up); repeat."""
        self._addresses += (checked("--address", text, ip_literal),)

    def opt_path(self, text: str) -> None:
        """Where DNS over HTTPS is served, such as /dns-query; without --config."""
        if not PATH.fullmatch(text):
            raise usage.UsageError(f"--path {text!r} must be like /dns-query")
        self._path = text

    def postOptions(self) -> None:
        """See what there is to go by."""
        if self._config is None and not self._name:
            raise usage.UsageError("which server?  Give --config FILE, or --name NAME")
        if self._config is not None and self._path:
            raise usage.UsageError("--path stands beside --config: keep one of the two")
        if len(self._clients) > 1:
            raise usage.UsageError("name one client, or none for all")

    async def run(self, reactor: Any) -> int:
        """Print what is wanted; return the exit status."""
        try:
            served = self._served()
            if self._clients == ["apple"]:
                sys.stdout.write(write_mobileconfig(_for_apple(served)).decode())
            elif self._clients:
                print(RECIPES[self._clients[0]](served))
            else:
                print("\n\n".join(_all(served)))
        except ConfigError as fault:
            where = f"{self._file}: " if self._file else ""
            raise usage.UsageError(f"{where}{fault}") from None
        return 0

    def _served(self) -> Served:
        if self._config is None:
            return served_at(self._name, self._addresses, self._path)
        chains = (read_chain(each.chain) for each in self._config.certificate)
        names = [name for chain in chains for name in names_of(chain[0])]
        # Who serves nothing encrypted needs no certificate, and hears that first.
        served_by(self._config, "")
        served = served_by(self._config, choose_name(names, self._name))
        return Served(*map(self._moved, served))

    def _moved(self, reached: Reached | None) -> Reached | None:
        """Return the same at the addresses that were given, if any were."""
        if reached is None or not self._addresses:
            return reached
        return reached._replace(addresses=self._addresses)


def _for_apple(served: Served) -> Reached:
    return served.https or usual_tls_of(served)


def _all(served: Served) -> Iterator[str]:
    """Say it for each client, or why not."""
    written = {**RECIPES, "apple": _apple}
    for client, recipe in sorted(written.items()):
        try:
            yield f"{client}: {recipe(served)}"
        except ConfigError as fault:
            yield f"{client}: no, {fault}"


def _apple(served: Served) -> str:
    return f"add --apple for a profile of {_for_apple(served).name}"
