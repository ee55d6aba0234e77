"""Profiles for iPhones, iPads and Macs."""

import plistlib
from typing import Any
from unittest import TestCase
from uuid import UUID

from dotproxy.cli.mobileconfig import write_mobileconfig
from dotproxy.cli.served import Reached

TLS = Reached("dns.example.net", 853, ("192.0.2.1", "2001:db8::1"))

HTTPS = Reached("dns.example.net", 8443, (), "/dns-query")

COMMON = {"PayloadIdentifier", "PayloadType", "PayloadUUID", "PayloadVersion"}
"""What each payload must have, as Apple documents it."""


def profile(server: Reached) -> dict[str, Any]:
    found: dict[str, Any] = plistlib.loads(write_mobileconfig(server))
    return found


def settings(server: Reached) -> dict[str, Any]:
    (payload,) = profile(server)["PayloadContent"]
    found: dict[str, Any] = payload["DNSSettings"]
    return found


class MobileconfigTests(TestCase):
    def test_keys(self) -> None:
        """The profile and its payload have the keys that Apple asks for."""
        for server in (TLS, HTTPS):
            whole = profile(server)
            (payload,) = whole["PayloadContent"]
            named = COMMON | {"PayloadDisplayName"}
            assert set(whole) == named | {"PayloadContent", "PayloadDescription"}
            assert set(payload) == named | {"DNSSettings"}
            assert whole["PayloadType"] == "Configuration"
            assert payload["PayloadType"] == "com.apple.dnsSettings.managed"
            assert whole["PayloadVersion"] == payload["PayloadVersion"] == 1
            assert payload["PayloadIdentifier"] == "net.example.dns.dotproxy.dns"

    def test_tls(self) -> None:
        """Over TLS there are a name to verify, and addresses if they are known."""
        assert settings(TLS) == {
            "DNSProtocol": "TLS",
            "ServerName": "dns.example.net",
            "ServerAddresses": ["192.0.2.1", "2001:db8::1"],
        }

    def test_https(self) -> None:
        """Over HTTPS there is a URL, and no empty list of addresses."""
        assert settings(HTTPS) == {
            "DNSProtocol": "HTTPS",
            "ServerURL": "https://dns.example.net:8443/dns-query",
        }

    def test_replaces(self) -> None:
        """A new profile of a server replaces the old; that of another does not."""

        def identity(server: Reached) -> set[str]:
            whole = profile(server)
            both = (whole, whole["PayloadContent"][0])
            for each in both:
                assert str(UUID(each["PayloadUUID"])).upper() == each["PayloadUUID"]
            keys = ("PayloadIdentifier", "PayloadUUID")
            return {each[key] for each in both for key in keys}

        assert len(identity(TLS)) == 4
        assert identity(TLS) == identity(HTTPS)
        other = HTTPS._replace(name="dns.example.org")
        assert not identity(other) & identity(TLS)
