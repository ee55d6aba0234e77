"""The values of faults: what is read, and what is refused."""

from unittest import TestCase

import pytest

from dotproxy.lab.fault_values import CONNECTIONS, COUNT, OCTETS, RCODE, SECONDS, SHORT


class ValueTests(TestCase):
    def test_read(self) -> None:
        """A value within its bounds is read, the bounds included."""
        for value, text, meaning in (
            (SECONDS, "0.001", 0.001),
            (SECONDS, "2.5", 2.5),
            (SECONDS, "3600", 3600),
            (COUNT, "0", 0),
            (CONNECTIONS, "1", 1),
            (SHORT, "11", 11),
            (OCTETS, "65535", 65535),
            (RCODE, "NOERROR", 0),
            (RCODE, "refused", 5),
        ):
            assert value.read(text) == meaning

    def test_refused(self) -> None:
        """Any other is refused, with what is allowed."""
        for value, texts, rule in (
            (SECONDS, ("", "0", "3601", "nan", "-1", "soon"), "seconds from 0.001 to"),
            (COUNT, ("", "-1", "1.5", "1000001", "9" * 5000), "from 0 to 1000000"),
            (CONNECTIONS, ("0",), "from 1 to 1000000"),
            (SHORT, ("12",), "from 0 to 11"),
            (OCTETS, ("511", "65536"), "from 512 to 65535"),
            (RCODE, ("", "5", "BADVERS"), "one of NOERROR, FORMERR, SERVFAIL,"),
        ):
            for text in texts:
                with pytest.raises(ValueError, match=f"^must have .*{rule}"):
                    value.read(text)

    def test_default(self) -> None:
        """A value that may be left away has what is taken then."""
        assert SECONDS.default is None
        assert SECONDS.unless_given(0.5).default == 0.5
        assert SECONDS.unless_given(0.5).read("2") == 2
