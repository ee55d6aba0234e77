"""All that is decided by name."""

from unittest import TestCase

import pytest

from dotproxy.config.naming import Hosts, Naming, Rebinding, SpecialNames
from dotproxy.config.rule import Rule
from dotproxy.config.setting import ConfigError


class NamingTests(TestCase):
    def test_defaults(self) -> None:
        """Only names without a dot are kept here; nothing is edited or read."""
        naming = Naming()
        assert (naming.rules, naming.files, naming.hosts.files) == ((), (), ())
        assert (naming.rebinding.protect, naming.rebinding.allow) == (False, ())
        assert naming.special == SpecialNames(single_labels=True, canary=False)

    def test_files(self) -> None:
        """A list that several rules name is there once."""
        rules = Rule("block", files=("a", "b")), Rule("allow", files=("c", "a"))
        assert Naming(rules).files == ("a", "b", "c")

    def test_spelled(self) -> None:
        """Names that may have private addresses are spelled as in rules."""
        assert Rebinding(True, ("*.Plex.direct", ".")).allow == (".plex.direct", ".")

    def test_types(self) -> None:
        """What is of another type is refused."""
        for make, message in (
            (lambda: Hosts("a"), "files = 'a' must be an array of strings"),  # type: ignore[arg-type]
            (lambda: Rebinding(1), "protect = 1 must be true or false"),  # type: ignore[arg-type]
            (lambda: SpecialNames(canary=0), "canary = 0 must be true or false"),  # type: ignore[arg-type]
        ):
            with pytest.raises(ConfigError) as caught:
                make()
            assert str(caught.value) == message
