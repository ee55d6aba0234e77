"""Search for an input that breaks the rule of one target: `python -m fuzz.search`.

Atheris follows which branches an input takes, and changes the inputs that take new
ones.  It ends the process itself, hence one process for each target.
"""

import sys
from hashlib import sha256
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dotproxy"]):
    from fuzz.targets import TARGETS

LONGEST = 4096
"""Octets of the longest input: what a client may send in a datagram."""


def main(name: str, seconds: str, corpus: str) -> None:
    """Search for so many seconds; inputs that are worth keeping go into `corpus`."""
    target, folder = TARGETS[name], Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        folder.joinpath(sha256(seed).hexdigest()[:16]).write_bytes(seed)
    flags = (
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={corpus}-",
        "-print_final_stats=1",
        "-verbosity=1",
        "-timeout=10",
        "-rss_limit_mb=2048",
    )
    atheris.Setup([sys.argv[0], *flags, corpus], target.fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
