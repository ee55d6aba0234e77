"""A browser without a window, with a profile of its own and no wish to phone home."""

import json
import tempfile
from pathlib import Path

from tests.functional.processes import Stage, program


def browse(stage: Stage, url: str, *flags: str, doh: str = "") -> list[str]:
    """Return the command that prints a page as the browser has it.

    With `doh`, the URL of a server of DNS over HTTPS, it asks nobody else for names;
    without one it has no keys to encrypt its hellos with.
    """
    profile = Path(tempfile.mkdtemp(prefix="profile-", dir=stage.folder))
    if doh:
        secure = {"dns_over_https": {"mode": "secure", "templates": doh}}
        (profile / "Local State").write_text(json.dumps(secure))
    return [
        *(*stage.prefix, "timeout", "25", program("chromium")),
        *("--headless=new", "--no-sandbox", "--disable-gpu"),
        *("--disable-dev-shm-usage", f"--user-data-dir={profile}"),
        *("--no-first-run", "--disable-background-networking"),
        *(*flags, "--dump-dom", url),
    ]
