"""What the gateway counts."""

from collections import Counter


class Counts:
    """Numbers that only grow, but for `open`: the relays under way."""

    def __init__(self) -> None:
        self.open = 0
        self.results: Counter[str] = Counter()
        """Connections that are over, or were never let in, by what became of them."""
        self.up = self.down = 0
        """Octets relayed to origins, and to clients."""
        self.hellos = self.hello_octets = self.hello_records = 0
        """Hellos that could be read, and what they took of their streams."""
