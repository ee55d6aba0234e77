"""The proxy itself, as people run it: under twistd."""

import os
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.functional.processes import PATIENCE, Process, Stage, free_port

ROOT = Path(__file__).parents[2]
"""Where the code stands that is tested, installed or not."""

TWISTD = str(Path(sysconfig.get_path("scripts"), "twistd"))

FOREGROUND = (TWISTD, "--nodaemon", "--pidfile=")

ENVIRONMENT = {"PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": ""}


@dataclass(frozen=True)
class Proxy:
    """A proxy that serves UDP and TCP on `port` of 127.0.0.1."""

    process: Process
    port: int


def start_proxy(stage: Stage, *flags: str) -> Proxy:
    """Start it with these flags, on a port that is free."""
    listen = ("--listen", f"127.0.0.1:{free_port()}")
    return start_twistd(stage, "dotproxy", *listen, *flags)


def start_twistd(
    stage: Stage, *words: str, environment: Mapping[str, str] | None = None
) -> Proxy:
    """Start `twistd -n` with these words, and wait until it says where it serves."""
    variables = {**ENVIRONMENT, **(environment or {})}
    process = Process(stage, [*FOREGROUND, *words], variables)
    port = process.wait_for(r"serves 127\.0\.0\.1:(\d+)")[1]
    return Proxy(process, int(port))


def run_in_vain(stage: Stage, *command: str) -> subprocess.CompletedProcess[str]:
    """Run what should end by itself; the result has its status, stdout and stderr."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=stage.folder,
        env={**os.environ, **ENVIRONMENT},
    )
