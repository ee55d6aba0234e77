"""A trace for the tests: it keeps what it is told."""

from dotproxy.wire.query import Query


class Told:
    """Somebody who follows a query; `steps` has what each stage said, octets in hex."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def note(self, stage: str, says: str, /, **fields: object) -> None:
        """Keep a step, spelled out."""
        spelled = {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in fields.items()
        }
        self.steps.append(f"{stage}: {says.format(**spelled)}")

    def take(self) -> list[str]:
        """Return the steps since the last time."""
        steps, self.steps = self.steps, []
        return steps


def follow(query: Query) -> Told:
    """Trace a query."""
    query.trace = told = Told()
    return told
