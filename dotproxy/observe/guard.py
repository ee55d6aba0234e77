"""Who may call, and who may change anything: decided before a call is looked at.

Whoever reaches the UNIX socket owns it, and may do all.  Over TCP any web page may send
its visitors' browsers here, so:

1. The Host must be an IP address, localhost or a name that is configured: a page that
   turns its own name to this address (DNS rebinding) calls us by that name.
2. An Origin, which browsers send with every POST, must be this very place.
3. An action needs the token, which a page does not know.  So does what tells of single
   queries: what is asked, and who asks.
"""

from collections.abc import Collection
from hmac import compare_digest
from http import HTTPStatus
from typing import NamedTuple

from dotproxy.config.spelling import address_and_port

LOCALHOST = "localhost"

SCHEME = "Bearer "
"""What stands before the token (RFC 6750 section 2.1)."""


class Call(NamedTuple):
    """What a caller says in the header; "" is nothing."""

    host: str
    origin: str = ""
    authorization: str = ""


class Refusal(NamedTuple):
    """Why a call is refused, in a line for the caller."""

    status: HTTPStatus
    reason: str


class Guard:
    """Judge calls over TCP."""

    def __init__(self, hosts: Collection[str], token: str) -> None:
        self._hosts = {LOCALHOST, *(host.lower() for host in hosts)}
        self._token = token

    def refusal(self, call: Call, acts: bool) -> Refusal | None:
        """Return why a call is refused; None if it is not.

        `acts` says whether it is to change anything, or see what is private.
        """
        if not self._is_ours(call.host):
            reason = (
                "this name is not ours: add it to [admin] hosts, or use the address"
            )
            return Refusal(HTTPStatus.MISDIRECTED_REQUEST, reason)
        if not acts:
            return None
        if call.origin and call.origin.lower() != f"http://{call.host.lower()}":
            return Refusal(HTTPStatus.FORBIDDEN, "not from a page of another origin")
        if not self._token:
            reason = "over TCP this takes [admin] token, which is not set"
            return Refusal(HTTPStatus.FORBIDDEN, reason)
        if not compare_digest(
            call.authorization.encode(), (SCHEME + self._token).encode()
        ):
            reason = "give the token of [admin]: Authorization: Bearer TOKEN"
            return Refusal(HTTPStatus.UNAUTHORIZED, reason)
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            address_and_port(host, 80)
        except ValueError:
            return host.lower().partition(":")[0] in self._hosts
        return True


class Owner:
    """Let in whoever reaches a socket that only its owner can reach."""

    def refusal(self, call: Call, acts: bool) -> Refusal | None:
        """Refuse nothing; see `Guard`."""
        return None
