"""Public resolvers by their short names.

Addresses and TLS names are as the services publish them.  No pins: their keys
change with their certificates.  IPv4 comes first, it is there more often.
"""

from types import MappingProxyType

from dotproxy.config.upstream import Upstream

PRESETS = MappingProxyType(
    {
        "cloudflare": Upstream(
            (
                "1.1.1.1",
                "1.0.0.1",
                "2606:4700:4700::1111",
                "2606:4700:4700::1001",
            ),
            server_name="cloudflare-dns.com",
        ),
        # Blocks names known to spread malware.
        "quad9": Upstream(
            ("9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9"),
            server_name="dns.quad9.net",
        ),
        # Passes a part of the asker's address on to authoritative servers (ECS).
        "google": Upstream(
            (
                "8.8.8.8",
                "8.8.4.4",
                "2001:4860:4860::8888",
                "2001:4860:4860::8844",
            ),
            server_name="dns.google",
        ),
        # Blocks advertisements.
        "adguard": Upstream(
            (
                "94.140.14.14",
                "94.140.15.15",
                "2a10:50c0::ad1:ff",
                "2a10:50c0::ad2:ff",
            ),
            server_name="dns.adguard-dns.com",
        ),
        "mullvad": Upstream(
            ("194.242.2.2", "2a07:e340::2"),
            server_name="dns.mullvad.net",
        ),
        # The unfiltered profile, p0; the TLS name chooses it.
        "controld": Upstream(
            ("76.76.2.0", "76.76.10.0", "2606:1a40::", "2606:1a40:1::"),
            server_name="p0.freedns.controld.com",
        ),
    }
)

DEFAULT_UPSTREAM = (PRESETS["cloudflare"], PRESETS["quad9"])
