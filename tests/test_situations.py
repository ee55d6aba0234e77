"""Each situation of docs/RELIABILITY.md is played by the tests that it names."""

import re
from collections import Counter
from pathlib import Path
from unittest import TestCase

ROOT = Path(__file__).parent.parent

SITUATIONS = [f"F{number:02}" for number in range(1, 34)]

ROW = re.compile(r"^\| (F\d\d) \|.*\| ([^|]+) \|$", re.MULTILINE)

TEST = re.compile(r"^    def (test_f\d\d_\w+)\(", re.MULTILINE)


def played() -> list[str]:
    """Return the names of the tests that play situations."""
    files = (ROOT / "tests" / "functional").glob("test_failure_modes_*.py")
    return [name for file in files for name in TEST.findall(file.read_text())]


def told() -> dict[str, list[str]]:
    """Return the tests that the table names, by situation."""
    table = (ROOT / "docs" / "RELIABILITY.md").read_text()
    return {
        row: re.findall(r"`(test_f\w+)`", names) for row, names in ROW.findall(table)
    }


class SituationTests(TestCase):
    def test_played(self) -> None:
        """There is a test for every situation, and no two have the same name."""
        numbers = {name[len("test_") :].partition("_")[0].upper() for name in played()}
        assert sorted(numbers) == SITUATIONS
        assert max(Counter(played()).values()) == 1

    def test_told(self) -> None:
        """Every situation has its row, which names all tests that play it."""
        assert list(told()) == SITUATIONS
        for number, names in told().items():
            mine = [it for it in played() if it.startswith(f"test_{number.lower()}_")]
            assert sorted(names) == sorted(mine), number
