"""What differs between two configurations."""

from unittest import TestCase

from msgspec.structs import replace

from dotproxy.config.admin import Admin
from dotproxy.config.caching import Caching
from dotproxy.config.changes import changes, keep_lasting
from dotproxy.config.model import Forward, Listen
from dotproxy.config.toml_file import DEFAULT


class ChangesTests(TestCase):
    def test_none(self) -> None:
        """What is written anew and says the same differs in nothing."""
        assert changes(DEFAULT, replace(DEFAULT, forward=Forward())) == ()

    def test_names(self) -> None:
        """A setting is called by its table and its key."""
        after = replace(
            DEFAULT,
            listen=(Listen("127.0.0.1", 53),),
            forward=Forward(strategy="race", timeout=2),
            cache=Caching(size=0),
        )
        expected = ("listen", "forward.strategy", "forward.timeout", "cache.size")
        assert changes(DEFAULT, after) == expected


class KeepLastingTests(TestCase):
    def test_file(self) -> None:
        """The cache's file stays what it was, and all else is new."""
        before = replace(DEFAULT, cache=Caching(file="/old"))
        after = replace(DEFAULT, cache=Caching(size=0, file="/new"))
        kept = keep_lasting(before, after)
        assert kept == replace(DEFAULT, cache=Caching(size=0, file="/old"))
        assert changes(kept, after) == ("cache.file",)

    def test_workers(self) -> None:
        """Workers keep their number, and the addresses that they inherited."""
        before = replace(DEFAULT, workers=2)
        after = replace(DEFAULT, workers=3, listen=(Listen("127.0.0.1", 53),))
        kept = keep_lasting(before, after)
        assert kept == before
        assert changes(kept, after) == ("listen", "workers")
        assert keep_lasting(DEFAULT, after) == replace(after, workers=1)

    def test_admin(self) -> None:
        """Where the proxy is steered stays what it was: who reloads waits there."""
        before = replace(DEFAULT, admin=Admin(listen="127.0.0.1:1"))
        after = replace(DEFAULT, admin=Admin(listen="127.0.0.1:2"))
        kept = keep_lasting(before, after)
        assert kept == before
        assert changes(kept, after) == ("admin.listen",)
