"""The numbers that flags give, under the rules of the settings they stand for.

Each raises ConfigError, which says what is allowed.
"""

from msgspec.structs import replace

from dotproxy.config.caching import Caching
from dotproxy.config.model import Forward
from dotproxy.config.toml_file import DEFAULT


def timeout(text: str) -> float:
    """Read seconds, as `[forward] timeout` has them."""
    try:
        seconds = float(text)
    except ValueError:
        # What is no number is out of every range: the same rule tells what is allowed.
        seconds = float("nan")
    return Forward(timeout=seconds).timeout


def cache_size(text: str) -> int:
    """Read octets, as `[cache] size` has them."""
    return Caching(size=_whole(text)).size


def workers(text: str) -> int:
    """Read how many processes serve, as `workers` has it."""
    return replace(DEFAULT, workers=_whole(text)).workers


def _whole(text: str) -> int:
    # What is no number, or has more digits than Python reads, is out of range too.
    return int(text) if text.isdecimal() and len(text) < 20 else -1
