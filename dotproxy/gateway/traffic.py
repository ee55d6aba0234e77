"""All clients of the gateway, and what holds for them at the moment."""

from collections.abc import Collection
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from dotproxy.config.model import Config
from dotproxy.gateway.admission import Admission
from dotproxy.gateway.connector import unusable
from dotproxy.gateway.create import Surroundings, allows_for, create_common
from dotproxy.gateway.redirection import Redirection
from dotproxy.gateway.relays import Kind, Relays
from dotproxy.gateway.targets import Place

REDIRECTIONS = Kind(Redirection, "redirects HTTP")
"""What becomes of clients who speak plain HTTP."""


class Traffic:
    """Relay clients as is configured, and redirect those who speak plain HTTP.

    Who is there when the configuration changes stays under the one that he came under.
    """

    log = Logger()

    def __init__(self, config: Config, others: Surroundings, reactor: Any) -> None:
        self._others = others
        self._reactor = reactor
        common = create_common(config, (), others, reactor)
        self._admission = Admission(common.limits, allows_for(config))
        self._relays = Relays(common, self._admission)
        self._redirections = Relays(common, self._admission, REDIRECTIONS)
        self._patience = 0.0

    def factory(self, plain: bool) -> Relays:
        """Return what serves clients, those who speak plain HTTP or the others."""
        return self._redirections if plain else self._relays

    def follow(self, config: Config, listening: Collection[Place]) -> None:
        """Serve who comes from now on as is configured; who is `listening` is us."""
        common = create_common(config, listening, self._others, self._reactor)
        self._admission.use(common.limits, allows_for(config))
        self._patience = config.gateway.drain_timeout
        if lacking := unusable(config.gateway.sources):
            self.log.warn(
                "no connection can leave from these sources, as long as that is so:"
                " {lacking}",
                lacking=", ".join(lacking),
            )
        for relays in (self._relays, self._redirections):
            relays.use(common)

    def drain(self) -> Deferred[None]:
        """Let clients end, as long as is configured; fires when none is left."""
        draining = [
            relays.drain(self._patience)
            for relays in (self._relays, self._redirections)
        ]
        return gatherResults(draining).addCallback(lambda _: None)
