"""A configuration profile for iPhones, iPads and Macs: which server to ask, and how.

Apple documents the keys under "DNSSettings" of its device management: iOS 14, macOS 11
and later.
"""

import plistlib
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

from dotproxy.cli.served import Reached

SETTINGS = "com.apple.dnsSettings.managed"


def write_mobileconfig(server: Reached) -> bytes:
    """Write the profile: over HTTPS for a server that has a path, else over TLS.

    Its identifiers come from the server's name, so one that is installed later takes
    the place of the one before, whatever else has changed.
    """
    name = server.name
    identifier = ".".join((*reversed(name.split(".")), "dotproxy"))
    profile = uuid5(NAMESPACE_DNS, identifier)
    payload = _payload(f"{identifier}.dns", uuid5(profile, SETTINGS), SETTINGS)
    payload |= {"PayloadDisplayName": "Encrypted DNS", "DNSSettings": _settings(server)}
    whole = _payload(identifier, profile, "Configuration")
    whole |= {
        "PayloadDisplayName": f"DNS by {name}",
        "PayloadDescription": f"Asks {name} for all names, encrypted.",
        "PayloadContent": [payload],
    }
    return plistlib.dumps(whole)


def _payload(identifier: str, uuid: UUID, kind: str) -> dict[str, Any]:
    return {
        "PayloadIdentifier": identifier,
        "PayloadType": kind,
        "PayloadUUID": str(uuid).upper(),
        "PayloadVersion": 1,
    }


def _settings(server: Reached) -> dict[str, Any]:
    found: dict[str, Any] = {"DNSProtocol": "HTTPS" if server.path else "TLS"}
    if server.path:
        found["ServerURL"] = server.url
    else:
        found["ServerName"] = server.name
    if server.addresses:
        found["ServerAddresses"] = [*server.addresses]
    return found
