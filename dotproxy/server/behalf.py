"""On whose behalf a proxy asks over HTTP: each request says it, and is judged by it."""

from collections.abc import Callable

from dotproxy.http.request import TOO_MANY
from dotproxy.local.forwarded import client_behind
from dotproxy.local.gate import DROP, PASS
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.responder import Responder
from dotproxy.server.speech import Speech
from dotproxy.server.turned_away import Refuser


class Behalf:
    """Find who is behind one trusted proxy, `host`, for each of its requests."""

    def __init__(
        self, host: str, factory: ProxyServerFactory, seconds: Callable[[], float]
    ) -> None:
        self._host = host
        self._factory = factory
        self._seconds = seconds

    def of(self, speech: Speech, number: int) -> tuple[Responder, str]:
        """Return who responds to a request, and the address of its client.

        It counts for the client's rate.  Whoever is over that is not held back, as
        others on the same connection would wait for it.
        """
        factory, said = self._factory, speech.senders.take(number)
        client = client_behind(self._host, said, factory.terms.proxies)
        gate = factory.gate
        if gate is None:
            return factory, client
        if gate.admit(client, self._seconds()) is PASS:
            return factory, client
        if gate.allows(client):
            return Refuser(factory, DROP, TOO_MANY), client
        return Refuser(factory, gate.refusal), client
