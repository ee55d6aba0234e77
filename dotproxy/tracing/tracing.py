"""Names whose queries are traced in the log: for who hunts a fault, and nobody else."""

from collections.abc import Callable, Sequence

from twisted.logger import Logger

from dotproxy.journal.note import Client
from dotproxy.journal.privacy import address_of
from dotproxy.journal.question import question_in
from dotproxy.local.book import own_names
from dotproxy.local.names import NameTable
from dotproxy.local.verdicts import Claim, Effect, Verdict
from dotproxy.tracing.way import Step, Way
from dotproxy.wire.query import Query

TRACED = Verdict(0, Effect.ALLOW)

HEAD = "#{trace} {name} {type} +{ms} ms {stage}: "
"""What each line begins with: these fields are no stage's to name."""


class Tracing:
    """Log the way of each query for some names; `names` are spelled as in rules."""

    def __init__(self, names: Sequence[str], seconds: Callable[[], float]) -> None:
        listed = own_names(names)
        self._table = NameTable(
            [Claim(TRACED, listed.names), Claim(TRACED, listed.suffixes, below=True)]
        )
        self._seconds = seconds
        self._begun = 0
        self._log = Logger("dotproxy.trace")
        self._log.warn(
            "the queries for {names} are logged, with who asks and all that is said",
            names=", ".join(names),
        )

    def wants(self, query: Query) -> bool:
        """Whether its name is one of those."""
        return self._table.match(query.name) is not None

    def follow(self, query: Query, transport: str, client: Client | None) -> None:
        """Trace a query that came just now, if its name is one of those."""
        if not self.wants(query):
            return
        self._begun += 1
        number = self._begun
        asked = question_in(query.wire)

        def tell(step: Step) -> None:
            head = {"trace": number, "name": asked.name, "type": asked.type}
            head |= {"ms": step.ms, "stage": step.stage}
            self._log.info(HEAD + step.says, **{**step.fields, **head})

        query.trace = Way(self._seconds, tell)
        query.trace.note(
            "received",
            "from {client} over {transport}, {size} octets: {octets}",
            client=str(address_of(client)) if client else "an unknown address",
            transport=transport,
            size=len(query.wire),
            octets=query.wire,
        )
