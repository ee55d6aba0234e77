"""Where the proxy is looked at and steered, as configured."""

from typing import Any
from unittest import TestCase

import pytest

from dotproxy.config.admin import LONGEST_PATH, Admin, usual_sockets
from dotproxy.config.setting import ConfigError


def fault(**settings: Any) -> str:
    """Return what is wrong with these settings."""
    with pytest.raises(ConfigError) as caught:
        Admin(**settings)
    assert caught.value.path == (next(iter(settings)),)
    return str(caught.value)


class AdminTests(TestCase):
    def test_defaults(self) -> None:
        """Nothing is shown over TCP, and nobody there can change anything."""
        assert (Admin().listen, Admin().token) == ("", "")

    def test_listen(self) -> None:
        """It listens at an IP address and a port, which is spelled as usual."""
        assert Admin(listen="[0::1]:9153").listen == "[::1]:9153"
        assert "must be an IP address" in fault(listen="localhost:9153")
        assert "must be an IP address and a port" in fault(listen="127.0.0.1")

    def test_socket(self) -> None:
        """A socket is a path from the root that systems can take, or none."""
        for good in ("", "auto", "/run/x", "/" + "x" * (LONGEST_PATH - 1)):
            assert Admin(socket=good).socket == good
        for bad in ("x", "./x", "/" + "x" * LONGEST_PATH, "/\0"):
            assert "must be 'auto', '', or a path from /" in fault(socket=bad)

    def test_token(self) -> None:
        """A token is long and fits a header; a bad one is not repeated."""
        assert Admin(token="0123456789abcdef").token
        for bad in ("0123456789abcde", "0123456789 abcdef", "0123456789abcdé!"):
            said = fault(token=bad)
            assert said.startswith("token must have 16 characters")
            assert bad not in said

    def test_token_no_text(self) -> None:
        """A token without quotes is a secret as well."""
        for odd in (1234567890123456, ["0123456789abcdef"]):
            assert fault(token=odd) == "token must be a string"

    def test_hosts(self) -> None:
        """Hosts are names: addresses may call anyway."""
        assert Admin(hosts=["a.example"]).hosts == ("a.example",)  # type: ignore[arg-type]
        assert "is an address" in fault(hosts=["192.0.2.1"])


class SocketTests(TestCase):
    def test_usual(self) -> None:
        """What systemd made goes first, then the user's folder, then the system's."""
        folders = {"RUNTIME_DIRECTORY": "/run/a:/run/b", "XDG_RUNTIME_DIR": "/user"}
        assert usual_sockets(folders) == [
            "/run/a/dotproxy.sock",
            "/user/dotproxy.sock",
            "/run/dotproxy/dotproxy.sock",
        ]
        assert usual_sockets({"XDG_RUNTIME_DIR": ""}) == ["/run/dotproxy/dotproxy.sock"]
