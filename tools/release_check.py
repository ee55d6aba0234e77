"""Build what is released, and see that it may be: `make release-check`.

The version stands in one place, dotproxy/__init__.py; all others are held against it.
"""

import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from dotproxy import __version__  # noqa: E402


def main() -> None:
    """Leave an sdist and a wheel in dist/, or end with what is wrong."""
    dist = ROOT / "dist"
    for old in dist.glob("*"):
        old.unlink()
    python = (sys.executable, "-m")
    run(*python, "build", "--outdir", str(dist), str(ROOT))
    built = sorted(dist.iterdir())
    named = [
        f"dotproxy-{__version__}-py3-none-any.whl",
        f"dotproxy-{__version__}.tar.gz",
    ]
    if [file.name for file in built] != named:
        raise SystemExit(f"dist/ has {[file.name for file in built]}, not {named}")
    run(*python, "twine", "check", "--strict", *map(str, built))
    for file in built:
        try_out(file)
    check_changelog((ROOT / "CHANGELOG.md").read_text())
    print(f"dotproxy {__version__} may be released: {', '.join(named)}")


def try_out(built: Path) -> None:
    """Install it where nothing else is, and let it check the lab."""
    with TemporaryDirectory() as folder:
        venv.create(folder, with_pip=False, symlinks=True)
        programs = Path(folder, "bin")
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "--python", str(programs / "python"), "install", str(built))
        run(str(programs / "dotproxy"), "check", "lab", cwd=folder)
        run(str(programs / "twistd"), "dotproxy", "--help", cwd=folder)


def check_changelog(text: str) -> None:
    """See that users read what is new under the number of the version."""
    if f"\n## {__version__} " not in text:
        raise SystemExit(
            f"CHANGELOG.md has no section {__version__}:"
            f" turn '## Unreleased' into '## {__version__} (year-month-day)'"
        )


def run(*command: str, cwd: str | None = None) -> None:
    """Run a command; end with what it said if it fails."""
    done = subprocess.run(
        command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}")


if __name__ == "__main__":
    main()
