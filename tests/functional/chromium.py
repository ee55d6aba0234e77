"""A browser without a window, with a profile of its own and no wish to phone home."""

import tempfile

from tests.functional.processes import Stage, program


def browse(stage: Stage, url: str, *flags: str) -> list[str]:
    """Return the command that prints a page as the browser has it."""
    folder = tempfile.mkdtemp(prefix="profile-", dir=stage.folder)
    return [
        *(*stage.prefix, "timeout", "25", program("chromium")),
        *("--headless=new", "--no-sandbox", "--disable-gpu"),
        *("--disable-dev-shm-usage", f"--user-data-dir={folder}"),
        *("--no-first-run", "--disable-background-networking"),
        *(*flags, "--dump-dom", url),
    ]
