"""What can be configured of the cache."""

from typing import Any
from unittest import TestCase

import pytest

from dotproxy.config.caching import Caching
from dotproxy.config.setting import ConfigError

HOUR, DAY, WEEK = 3600, 86400, 604800


def value_of(key: str, value: Any) -> Any:
    """Set one key, and return what became of its value."""
    return getattr(Caching(**{key: value}), key)


def fault(**settings: Any) -> str:
    """Return what is wrong with these settings."""
    with pytest.raises(ConfigError) as caught:
        Caching(**settings)
    assert caught.value.path == (next(iter(settings)),)
    return str(caught.value)


class CachingTests(TestCase):
    def test_defaults(self) -> None:
        """What nobody says is what the RFCs advise (RFC 2308 5, RFC 8767 4 and 5)."""
        assert Caching() == Caching(
            size=33_554_432,
            min_ttl=0,
            max_ttl=86_400,
            negative_max_ttl=3_600,
            serve_stale=True,
            stale_ttl=30,
            stale_max_age=86_400,
            stale_client_timeout=1.8,
            prefetch=True,
            file="",
        )

    def test_bounds(self) -> None:
        """Both ends of each range belong to it, and what lies beyond is a fault."""
        for key, least, most in (
            ("size", 0, 2**40),
            ("min_ttl", 0, HOUR),
            ("max_ttl", 1, WEEK),
            ("negative_max_ttl", 0, DAY),
            ("stale_ttl", 1, HOUR),
            ("stale_max_age", 0, 4 * WEEK),
        ):
            for value in (least, most):
                assert value_of(key, value) == value
            rule = f"must be a whole number from {least} to {most}"
            for wrong in (least - 1, most + 1, 1.5, True, "1"):
                shown = "true" if wrong is True else repr(wrong)
                assert fault(**{key: wrong}) == f"{key} = {shown} {rule}"

    def test_patience(self) -> None:
        """How long a client waits for a fresh answer may have a fraction."""
        assert repr(Caching(stale_client_timeout=0).stale_client_timeout) == "0.0"
        assert Caching(stale_client_timeout=30).stale_client_timeout == 30
        rule = "must be a number of seconds from 0 to 30"
        for value in (-0.1, 30.1, float("inf"), float("nan")):
            expected = f"stale_client_timeout = {value} {rule}"
            assert fault(stale_client_timeout=value) == expected

    def test_flags(self) -> None:
        """A switch is on or off, and no number."""
        for key in ("serve_stale", "prefetch"):
            assert value_of(key, False) is False
            assert fault(**{key: 1}) == f"{key} = 1 must be true or false"
            assert fault(**{key: "no"}) == f"{key} = 'no' must be true or false"

    def test_file(self) -> None:
        """A file is named, or not wanted."""
        assert Caching(file="/var/cache/dotproxy").file == "/var/cache/dotproxy"
        assert fault(file=True) == "file = true must be a string"

    def test_ends_of_life(self) -> None:
        """No answer can be made to last longer than the longest."""
        assert Caching(min_ttl=60, max_ttl=60).min_ttl == 60
        assert (
            fault(min_ttl=61, max_ttl=60) == "min_ttl = 61 must be at most max_ttl, 60"
        )

    def test_frozen(self) -> None:
        """What was checked stays as it is."""
        with pytest.raises(AttributeError):
            Caching().size = 1  # type: ignore[misc]
