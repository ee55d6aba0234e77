"""What can be configured of the query log."""

from unittest import TestCase

from msgspec.structs import replace

from dotproxy.config.changes import changes, keep_lasting
from dotproxy.config.query_log import FIELDS, QueryLog
from dotproxy.config.setting import ConfigError
from dotproxy.config.toml_file import DEFAULT


class QueryLogTests(TestCase):
    def test_off(self) -> None:
        """By default nothing is logged, and nothing counted."""
        assert (QueryLog().format, QueryLog().top) == ("off", False)

    def test_good(self) -> None:
        """Every field may be chosen, in any order; dnstap has a file or a socket."""
        QueryLog(format="text", fields=tuple(reversed(FIELDS)), sample=0.5)
        QueryLog(format="dnstap", file="/a")
        QueryLog(format="dnstap", socket="/a")
        QueryLog(format="json", names="hashed", key_file="/key")

    def test_faults(self) -> None:
        """A fault names the key, and says what is allowed."""
        for settings, fault in (
            (
                {"format": "xml"},
                "'xml' must be one of off, text, json, dnstap",
            ),
            ({"sample": 0}, "sample = 0 must be a number above 0, at most 1"),
            ({"sample": 1.1}, "sample = 1.1 must be a number above 0, at most 1"),
            (
                {"ipv4_prefix": 33},
                "= 33 must be a whole number from 0 to 32",
            ),
            ({"fields": ("nmae",)}, "fields = ['nmae'] has 'nmae': choose from time,"),
            ({"fields": ()}, "fields = [] must name some fields, each of them once"),
            ({"fields": ("ms", "ms")}, "each of them once"),
            ({"file": "a\0"}, "file = 'a\\x00' must be a path"),
            ({"format": "dnstap"}, "format = 'dnstap' needs a place"),
            ({"format": "dnstap", "file": "a", "socket": "b"}, "needs a place"),
            ({"format": "dnstap", "socket": "/" * 104}, "must have at most 103 octets"),
            (
                {"format": "dnstap", "file": "a", "names": "hashed"},
                "names = 'hashed' cannot be with dnstap",
            ),
            ({"format": "json", "socket": "/a"}, "socket = '/a' is for format ="),
        ):
            with self.assertRaises(ConfigError) as caught:
                QueryLog(**settings)  # type: ignore[arg-type]
            assert fault in str(caught.exception)

    def test_lasting(self) -> None:
        """A reload leaves it as it was, and says so."""
        after = replace(DEFAULT, query_log=QueryLog(format="json", sample=0.5))
        kept = keep_lasting(DEFAULT, after)
        assert kept == DEFAULT
        assert changes(kept, after) == ("query_log.format", "query_log.sample")
