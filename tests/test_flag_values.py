"""The numbers that flags give."""

from unittest import TestCase

from dotproxy.config import flag_values
from dotproxy.config.model import ConfigError


class FlagValuesTests(TestCase):
    def test_good(self) -> None:
        """What the setting allows is read."""
        assert flag_values.timeout("0.5") == 0.5
        assert flag_values.cache_size("0") == 0
        assert [flag_values.workers(text) for text in ("0", "12")] == [0, 12]

    def test_bad(self) -> None:
        """What it does not allow, or is no number, is told the same rule."""
        for text in ("-1", "two", "", "1" * 5000, "257"):
            with self.assertRaisesRegex(ConfigError, "whole number from 0 to 256"):
                flag_values.workers(text)
        with self.assertRaisesRegex(ConfigError, "must be a number of seconds"):
            flag_values.timeout("soon")
