"""What the files of the rules hold."""

from pathlib import Path
from unittest import TestCase

import pytest
from msgspec.structs import replace

from dotproxy.cli.check.findings import ListFindings
from dotproxy.cli.check.lists import read_lists
from dotproxy.config.model import ConfigError
from dotproxy.config.naming import Hosts
from dotproxy.config.rule import Rule
from dotproxy.config.toml_file import DEFAULT


class ListTests(TestCase):
    def setUp(self) -> None:
        self.first, self.second = Path("first.txt"), Path("second.txt")
        for path in (self.first, self.second):
            self.addCleanup(path.unlink, missing_ok=True)

    def test_list(self) -> None:
        """Names, exceptions, lines for browsers and bad ones are counted apart."""
        self.first.write_text(
            "a.example\n||b.example^\n@@||c.b.example^\nx.example##.ad\n???\n"
        )
        self.second.write_text("")
        rules = Rule("allow", names=("d.example",)), Rule("block", files=("first.txt",))
        more = replace(rules[1], files=("first.txt", "second.txt"))
        found = read_lists(replace(DEFAULT, rule=(rules[0], more)))
        first, second = found
        (fault,) = first.faults
        assert fault.startswith("first.txt: line 5 ")
        assert first == ListFindings("first.txt", 2, 2, 1, 1, 1, (fault,))
        assert second == ListFindings("second.txt", 2, 0)

    def test_hosts(self) -> None:
        """Of a hosts file the names count, once each, those of addresses too."""
        self.first.write_text("192.0.2.1 a.example b.example\n???\n")
        (found,) = read_lists(replace(DEFAULT, hosts=Hosts(("first.txt",))))
        assert (found.rule, found.listed, found.bad_lines) == (None, 3, 1)
        assert len(found.faults) == 1

    def test_gone(self) -> None:
        """One that is gone is a mistake of the configuration."""
        config = replace(DEFAULT, rule=(Rule("block", files=("nowhere.txt",)),))
        with pytest.raises(ConfigError) as caught:
            read_lists(config)
        said = "nowhere.txt cannot be read: No such file or directory"
        assert str(caught.value) == said
