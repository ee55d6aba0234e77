"""Certificates for servers of the tests, in files of their own."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from dotproxy.config.certificate import Certificate
from dotproxy.lab.certificates import Authority, Issued, Leaf

AUTHORITY = Authority.create("authority of the tests", datetime.now(UTC))


def issue(*names: str) -> Issued:
    """Make a certificate for these names, and for 127.0.0.1."""
    return AUTHORITY.issue(Leaf(names, ("127.0.0.1",)))


def folder_of(at_end: Callable[..., object]) -> Path:
    """Make a folder that is gone at the end; a test gives its addCleanup."""
    folder = Path(mkdtemp())
    at_end(rmtree, folder)
    return folder


def write(folder: Path, issued: Issued, name: str = "dns") -> Certificate:
    """Write a certificate and its key into files; return what names them.

    They take the place of others as whoever renews them has it: each as a whole.
    """
    made = Certificate(str(folder / f"{name}.pem"), str(folder / f"{name}.key"))
    for path, content in ((made.chain, issued.chain_pem), (made.key, issued.key_pem)):
        new = Path(f"{path}.new")
        new.write_bytes(content)
        new.chmod(0o600)
        os.replace(new, path)
    return made
