"""The groups that upstreams are in."""

from unittest import TestCase

import pytest

from dotproxy.config.groups import check_default, check_forwards, groups_of
from dotproxy.config.setting import ConfigError, Path
from dotproxy.config.upstream import Upstream

FAR = Upstream(("192.0.2.1",))
SPARE = Upstream(("192.0.2.2",))
ROUTER = Upstream(("10.0.0.1",), 53, group="home", cleartext=True)
OFFICE = Upstream(("198.51.100.1",), group="office")

UPSTREAMS = (FAR, ROUTER, SPARE, OFFICE)

PATH: Path = ("rule", 0, "group")


def fault(*names: str) -> ConfigError:
    """Return what is wrong with rules that forward to these groups."""
    with pytest.raises(ConfigError) as caught:
        check_forwards(UPSTREAMS, [(name, PATH) for name in names])
    return caught.value


class GroupsTests(TestCase):
    def test_order(self) -> None:
        """Groups and their upstreams come as they were given."""
        groups = groups_of(UPSTREAMS)
        assert groups == {"default": [FAR, SPARE], "home": [ROUTER], "office": [OFFICE]}
        assert list(groups) == ["default", "home", "office"]


class DefaultTests(TestCase):
    def test_there(self) -> None:
        """There is a default group, whatever others there are."""
        check_default(UPSTREAMS, strict=True)
        with pytest.raises(ConfigError) as caught:
            check_default((ROUTER, OFFICE), strict=True)
        assert caught.value.path == ("upstream",)

    def test_encrypted(self) -> None:
        """Strictly, none of it is asked in clear; the fault names the one that is."""
        leak = Upstream(("10.0.0.1",), 53, cleartext=True)
        check_default((FAR, leak), strict=False)
        with pytest.raises(ConfigError) as caught:
            check_default((FAR, leak), strict=True)
        assert caught.value.path == ("upstream", 1, "cleartext")


class ForwardsTests(TestCase):
    def test_all(self) -> None:
        """Every group is there, and every one is asked; the default needs no rule."""
        check_forwards(UPSTREAMS, [("office", PATH), ("home", PATH)])
        check_forwards(UPSTREAMS, [(n, PATH) for n in ("office", "home", "default")])
        check_forwards((FAR,), [])
        check_forwards((), [("default", PATH)])

    def test_unknown(self) -> None:
        """A group without an upstream is a fault of the rule that names it."""
        assert (
            str(fault("hone")) == "group = 'hone' has no upstream, did you mean 'home'?"
        )
        expected = "group = 'x' has no upstream, known: 'default', 'home', 'office'"
        assert str(fault("x")) == expected
        assert fault("home", "x").path == PATH

    def test_unused(self) -> None:
        """A group that nobody forwards to is a fault of its first upstream."""
        error = fault("home")
        assert str(error) == (
            "group = 'office' is never asked: write a [[rule]] that forwards to it"
        )
        assert error.path == ("upstream", 3, "group")
