"""What differs between two configurations."""

from unittest import TestCase

import pytest
from msgspec.structs import replace

from dotproxy.config.admin import Admin
from dotproxy.config.caching import Caching
from dotproxy.config.changes import changes, keep_lasting
from dotproxy.config.gateway import Gateway
from dotproxy.config.model import Forward, Listen
from dotproxy.config.rule import PER_NAME
from dotproxy.config.setting import ConfigError
from dotproxy.config.toml_file import DEFAULT
from tests.redirects import redirect


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

    def test_gateway(self) -> None:
        """So do the networks of leases, but nothing else of the gateway."""
        old = Gateway(("127.0.0.1:443",), leases=("127.64.0.0/16",))
        new = Gateway(("127.0.0.1:444",), leases=("127.65.0.0/16",), port=443)
        after = replace(DEFAULT, gateway=new)
        kept = keep_lasting(replace(DEFAULT, gateway=old), after)
        assert kept.gateway == replace(new, leases=old.leases)
        assert changes(kept, after) == ("gateway.leases",)

    def test_no_use(self) -> None:
        """What waits for the gateway waits for a restart, and hears of no other way."""
        plain, own = redirect("a.example"), redirect("b.example", policy=PER_NAME)
        new = Gateway((":443",), ("192.0.2.1",), ("127.64.0.0/16",))
        listening = replace(new, addresses=(), leases=())
        for old, after, told in (
            (
                Gateway(),
                replace(DEFAULT, gateway=Gateway(("192.0.2.1:443",)), rule=(plain,)),
                "action = 'redirect' leads nowhere until a restart, which"
                " gateway.listen takes",
            ),
            (
                listening,
                replace(DEFAULT, gateway=new, rule=(own,)),
                "policy = 'address-per-name' has no addresses to give until a restart,"
                " which gateway.leases takes",
            ),
            (
                listening,
                replace(DEFAULT, gateway=Gateway(), listen=(Listen("::", 443),)),
                "listen [::]:443 in [gateway] meets listen [::]:443, where DNS is"
                " served until a restart, which gateway.listen takes",
            ),
        ):
            with pytest.raises(ConfigError) as caught:
                keep_lasting(replace(DEFAULT, gateway=old), after)
            assert str(caught.value) == told

    def test_admin(self) -> None:
        """Where the proxy is steered stays what it was: who reloads waits there."""
        before = replace(DEFAULT, admin=Admin(listen="127.0.0.1:1"))
        after = replace(DEFAULT, admin=Admin(listen="127.0.0.1:2"))
        kept = keep_lasting(before, after)
        assert kept == before
        assert changes(kept, after) == ("admin.listen",)
