"""One setting: the type that its annotation allows, and the error when it is wrong."""

from __future__ import annotations

import getopt
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.structs import fields, force_setattr

LONGEST_SHOWN = 80
"""Characters of a value that a message repeats; no line should drown in one."""

Text = Annotated[str, Meta(description="a string")]
Secret = Annotated[str, Meta(description="a string", extra={"secret": True})]
"""A text that no message repeats, whatever is written in its place."""

Flag = Annotated[bool, Meta(description="true or false")]
Texts = Annotated[tuple[str, ...], Meta(description="an array of strings")]

Path = tuple[str | int, ...]
"""The way to a setting from the top of the file: ("upstream", 0, "port")."""


class ConfigError(Exception):
    """A setting is wrong: says in one line which one, what is allowed, what to do.

    `subject` is the setting as written ("port = 53"), `rule` the words that follow
    it, `path` the way to it.
    """

    def __init__(self, subject: str, rule: str, path: Path = ()) -> None:
        super().__init__(f"{subject} {rule}")
        self.subject, self.rule, self.path = subject, rule, path


def check_types(settings: Struct) -> None:
    """Give each field the type and bounds of its annotation, or raise ConfigError.

    A list becomes the tuple, an int the float that the annotation asks for.
    """
    for field in fields(settings):
        value = getattr(settings, field.name)
        try:
            force_setattr(settings, field.name, convert(value, field.type))
        except ValidationError:
            meta = field.type.__metadata__[0]
            subject = field.name if meta.extra else written(field.name, value)
            rule = f"must be {meta.description}"
            raise ConfigError(subject, rule, (field.name,)) from None


def respell(settings: Struct, key: str, spell: Callable[[str], str]) -> None:
    """Put each text of the field `key` into its usual spelling."""
    texts = getattr(settings, key)
    force_setattr(settings, key, tuple(checked(key, text, spell) for text in texts))


def checked(key: str, value: object, spell: Callable[[str], str]) -> str:
    """Return `value` as `spell` spells it; its ValueError becomes a ConfigError."""
    try:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        return spell(value)
    except ValueError as fault:
        raise ConfigError(written(key, value), str(fault), (key,)) from None


def written(key: str, value: object) -> str:
    """Write a setting as the file does: `port = 53`."""
    return f"{key} = {shown(value)}"


def shown(value: object) -> str:
    """Spell a value on one line, cut if it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    spelled = repr(list(value) if isinstance(value, tuple) else value)
    return spelled if len(spelled) <= LONGEST_SHOWN else spelled[:LONGEST_SHOWN] + "..."


def seconds(least: float, most: float) -> Meta:
    """Bound a field in seconds."""
    meaning = f"a number of seconds from {least:g} to {most:g}"
    return Meta(ge=least, le=most, description=meaning)


def whole(least: int, most: int) -> Meta:
    """Bound a field that counts."""
    meaning = f"a whole number from {least} to {most}"
    return Meta(ge=least, le=most, description=meaning)


def one_of(names: tuple[str, ...]) -> Meta:
    """Bound a field to some words."""
    pattern = rf"\A(?:{'|'.join(names)})\Z"
    return Meta(pattern=pattern, description=f"one of {', '.join(names)}")


def advice(fault: getopt.GetoptError, values: Mapping[str, str]) -> str:
    """Add to what getopt says the flag that was perhaps meant, or its value.

    `values` has all flags, and what their values are called.
    """
    if value := values.get(fault.opt):
        return f"{fault.msg}: write --{fault.opt} {value}"
    near = get_close_matches(fault.opt, values, n=1)
    return f"{fault.msg}, " + (f"did you mean --{near[0]}?" if near else "see --help")
