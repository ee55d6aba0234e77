"""One setting: its type, its bounds and the error when it is wrong."""

from __future__ import annotations

import getopt
from typing import Annotated, Any
from unittest import TestCase

import pytest
from msgspec import Meta, Struct

from dotproxy.config.setting import (
    ConfigError,
    advice,
    check_types,
    checked,
    one_of,
    respell,
    seconds,
    shown,
    whole,
    written,
)

Words = Annotated[tuple[str, ...], Meta(description="an array of strings")]


class Sample(Struct, frozen=True):
    """Every kind of bound once."""

    wait: Annotated[float, seconds(0.5, 30)] = 1.0
    count: Annotated[int, whole(1, 4)] = 1
    colour: Annotated[str, one_of(("red", "dark-blue"))] = "red"
    words: Words = ()


def fault(**settings: Any) -> ConfigError:
    """Return what is wrong with a sample of these settings."""
    with pytest.raises(ConfigError) as caught:
        check_types(Sample(**settings))
    return caught.value


def reversed_word(text: str) -> str:
    """Spell a word from its end, if it has one."""
    if not text:
        raise ValueError("must not be empty")
    return text[::-1]


class CheckTypesTests(TestCase):
    def test_bounds(self) -> None:
        """Both ends of a range belong to it."""
        for settings in ({"wait": 0.5}, {"wait": 30}, {"count": 1}, {"count": 4}):
            check_types(Sample(**settings))

    def test_conversion(self) -> None:
        """A list becomes a tuple, a whole number of seconds a float."""
        sample = Sample(wait=2, words=["a", "b"])  # type: ignore[arg-type]
        check_types(sample)
        self.assertEqual(repr(sample.wait), "2.0")
        self.assertEqual(sample.words, ("a", "b"))

    def test_seconds(self) -> None:
        """Out of range, endless, undefined or no number: the same rule tells."""
        rule = "must be a number of seconds from 0.5 to 30"
        for value, spelled in (
            (0.4, "0.4"),
            (30.1, "30.1"),
            (float("inf"), "inf"),
            (float("nan"), "nan"),
            (True, "true"),
            ("1", "'1'"),
            ([1], "[1]"),
        ):
            with self.subTest(value=value):
                self.assertEqual(str(fault(wait=value)), f"wait = {spelled} {rule}")

    def test_whole(self) -> None:
        """A count is whole, and no truth value."""
        rule = "must be a whole number from 1 to 4"
        for value, spelled in (
            (0, "0"),
            (5, "5"),
            (10**30, "1" + "0" * 30),
            (2.0, "2.0"),
            (False, "false"),
        ):
            with self.subTest(value=value):
                self.assertEqual(str(fault(count=value)), f"count = {spelled} {rule}")

    def test_one_of(self) -> None:
        """Only the words listed count, to the letter."""
        for value in ("", "Red", "redd", "red\n", "dark", 1):
            with self.subTest(value=value):
                self.assertEqual(
                    fault(colour=value).rule, "must be one of red, dark-blue"
                )

    def test_texts(self) -> None:
        """One string is no array of strings, and numbers are no strings."""
        for value in ("abc", ["a", 1], {"a": "b"}):
            with self.subTest(value=value):
                self.assertEqual(fault(words=value).rule, "must be an array of strings")

    def test_path(self) -> None:
        """The error knows its way to the setting."""
        self.assertEqual(fault(count=9).path, ("count",))


class SpellingTests(TestCase):
    def test_checked(self) -> None:
        """What is checked comes back in its usual spelling."""
        self.assertEqual(checked("word", "abc", reversed_word), "cba")

    def test_faults(self) -> None:
        """The rule that was broken follows the setting."""
        for value, message in (
            ("", "word = '' must not be empty"),
            (3, "word = 3 must be a string"),
        ):
            with pytest.raises(ConfigError) as caught:
                checked("word", value, reversed_word)
            self.assertEqual(str(caught.value), message)
            self.assertEqual(caught.value.path, ("word",))

    def test_respell(self) -> None:
        """Each text of a field is spelled anew."""
        sample = Sample(words=("ab", "cd"))
        respell(sample, "words", reversed_word)
        self.assertEqual(sample.words, ("ba", "dc"))


class ShownTests(TestCase):
    def test_like_the_file(self) -> None:
        """Values look as they would in the file."""
        for value, spelled in (
            (True, "key = true"),
            (53, "key = 53"),
            ("a", "key = 'a'"),
            (("a", "b"), "key = ['a', 'b']"),
        ):
            self.assertEqual(written("key", value), spelled)

    def test_one_line(self) -> None:
        """No value breaks the line or drowns it."""
        self.assertEqual(shown("a\nb\u2028"), r"'a\nb\u2028'")
        self.assertEqual(shown("a" * 200), "'" + "a" * 79 + "...")
        self.assertEqual(shown("a" * 78), repr("a" * 78))


class AdviceTests(TestCase):
    def test_advice(self) -> None:
        """A flag that lacks its value is told what that is; of others the nearest."""
        values = {"file": "FILE", "loud": ""}
        for flag, expected in (
            ("file", "no: write --file FILE"),
            ("lod", "no, did you mean --loud?"),
            ("zzz", "no, see --help"),
        ):
            assert advice(getopt.GetoptError("no", flag), values) == expected
