"""A file of TOML: its text, and what that says."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from dotproxy.config.setting import ConfigError, shown

Table = Mapping[str, Any]

_FAULT = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)")


def read(path: str) -> str:
    """Return the text of a file; ConfigError if it cannot be read, or is not UTF-8."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as fault:
        rule = f"cannot be read: {fault.strerror}"
        raise ConfigError(shown(path), rule) from None
    try:
        return content.decode()
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        raise ConfigError(f"{path}:{line}: text", "must be UTF-8") from None


def parse(path: str, text: str) -> Table:
    """Return what a text says; ConfigError, with line and column, if it is not TOML."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(path, "is nested too deeply") from None
    # A TOMLDecodeError is one, and so is the fault of a number of 5,000 digits.
    except ValueError as fault:
        place, what = path, str(fault)
        if match := _FAULT.fullmatch(what):
            *_, last_line = lines = text.split("\n")
            what = match[1]
            place = f"{path}:{match[2] or len(lines)}:{match[3] or len(last_line) + 1}"
        raise ConfigError(f"{place}:", f"not TOML: {what}") from None
