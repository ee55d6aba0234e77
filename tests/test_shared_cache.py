"""What can be configured of a cache that a fleet shares."""

from typing import Any
from unittest import TestCase

import pytest

from dotproxy.config.setting import ConfigError
from dotproxy.config.shared_cache import FORM, Place, Shared


def fault(**settings: Any) -> str:
    """Return what is wrong with these settings."""
    with pytest.raises(ConfigError) as caught:
        Shared(**settings)
    return str(caught.value)


class SharedTests(TestCase):
    def test_none(self) -> None:
        """What nobody says is that there is none."""
        assert Shared() == Shared("", "", "", "", 0.005)

    def test_urls(self) -> None:
        """A URL says where it is, and who we are there."""
        for url, place in (
            ("redis://127.0.0.1", Place("127.0.0.1", 6379)),
            ("redis://127.0.0.1:7000/", Place("127.0.0.1", 7000)),
            ("redis://[fd00::0:1]:7000/3", Place("fd00::1", 7000, database=3)),
            ("redis://redis", Place("redis", 6379)),
            (
                "rediss://node:p%40ss@cache.example.net/15",
                Place("cache.example.net", 6379, True, "node", "p@ss", 15),
            ),
            ("rediss://:it@192.0.2.1", Place("192.0.2.1", 6379, True, "", "it")),
        ):
            assert Shared(url=url).place == place, url

    def test_shown(self) -> None:
        """What the log says of it has no secret."""
        place = Shared(url="rediss://node:secret@[2001:db8::1]/2").place
        assert str(place) == "rediss://[2001:db8::1]:6379/2"

    def test_no_urls(self) -> None:
        """What is no such URL is refused, and its password not repeated."""
        for url in (
            "redis:",
            "http://secret@10.0.0.1",
            "redis://:secret@",
            "redis://:secret@10.0.0.1:port",
            "redis://:se#cret@10.0.0.1",
            "redis://:secret@10.0.0.1:0",
            "redis://:secret@10.0.0.1:65536",
            "redis://:secret@[::1",
            "redis://:secret@10.0.0.1/x",
            "redis://:secret@10.0.0.1/0?db=1",
            "redis://:secret@10.0.0.1/0/1",
            "redis://:secret@10.0.0.256",
            "redis://:secret@no_name",
        ):
            said = fault(url=url)
            assert said.startswith("url "), url
            assert "cret" not in said, url
        assert fault(url="redis:") == f"url {FORM}"

    def test_url_no_text(self) -> None:
        """A url that is no string may have a password all the same."""
        assert fault(url=["redis://:secret@10.0.0.1"]) == "url must be a string"

    def test_in_clear(self) -> None:
        """In clear it is a private network's; names are judged where they lead to."""
        said = fault(url="redis://:secret@192.0.2.1")
        assert said.startswith("url redis://192.0.2.1:6379/0 would show names")

    def test_files(self) -> None:
        """Files are for a shared cache, certificates for TLS, passwords stand once."""
        assert "give its url" in fault(secret_file="secret")
        assert "rediss://" in fault(url="redis://10.0.0.1", ca_file="ca.pem")
        url = "redis://:it@10.0.0.1"
        assert "keep one of the two" in fault(url=url, password_file="password")

    def test_timeout(self) -> None:
        """A look-up may take from 1 to 100 ms."""
        for seconds in (0.001, 0.1):
            assert Shared(timeout=seconds).timeout == seconds
        for seconds in (0, 0.2):
            assert "a number of seconds from 0.001 to 0.1" in fault(timeout=seconds)

    def test_beside(self) -> None:
        """Files are looked for beside the one that names them."""
        shared = Shared(url="rediss://10.0.0.1", ca_file="ca.pem", secret_file="/s")
        assert shared.beside("/etc/dotproxy") == Shared(
            url="rediss://10.0.0.1", ca_file="/etc/dotproxy/ca.pem", secret_file="/s"
        )
