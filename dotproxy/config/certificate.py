"""The certificate that clients are shown, where they come over TLS."""

from __future__ import annotations

from msgspec import Struct

from dotproxy.config.setting import ConfigError, Text, check_types, written


class Certificate(Struct, frozen=True):
    """Name two PEM files: the chain, the server's own certificate first, and its key.

    certbot calls them `fullchain.pem` and `privkey.pem`.  They are read by whoever
    serves, and once more when they change.
    """

    chain: Text
    key: Text

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("chain", "key"):
            path = getattr(self, name)
            if not path or "\0" in path:
                raise ConfigError(written(name, path), "must be a path", (name,))
