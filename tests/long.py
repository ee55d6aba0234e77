"""Tests that take long: whoever works on something else need not wait for them."""

import os
from unittest import skipUnless

from tests.conftest import NO_SKIPS

LONG = "DOTPROXY_LONG"
"""The environment variable that has them run, whatever its value."""

long = skipUnless(
    {LONG, NO_SKIPS} & os.environ.keys(),
    f"long, a load or a crowd: {LONG}=1 has it run, and so does CI",
)
"""Mark a test, or a class of them."""
