"""Check that the rooms that matter most are covered, each by its own test file.

A line that only somebody else's test happens to run is not tested.  So the tests
run once, with the name of the test kept for every branch taken; then each module
is judged by what `tests/test_<module>.py` took alone.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
COVERED = ("wire/*.py", "local/*.py", "upstream/**/*.py", "forwarder.py")


def main() -> int:
    """Run the tests of the covered modules, then report; return the exit status."""
    modules = [
        module
        for pattern in COVERED
        for module in sorted((ROOT / "dotproxy").glob(pattern))
        if module.name != "__init__.py"
    ]
    tests = [f"tests/test_{module.stem}.py" for module in modules]
    if coverage("run", "-m", "pytest", "-q", *tests):
        return 1
    failed = [module for module in modules if not covered(module)]
    for module in failed:
        print(f"not covered by its own tests: {module.relative_to(ROOT)}")
    print(f"{len(modules) - len(failed)} passed, {len(failed)} failed")
    return bool(failed)


def covered(module: Path) -> bool:
    """Whether a module is covered to the last branch by its own tests."""
    own = rf"^$,\btest_{module.stem}\."
    status = coverage(
        "report", "--fail-under=100", f"--contexts={own}", f"--include={module}"
    )
    return status == 0


def coverage(*arguments: str) -> int:
    return subprocess.call([sys.executable, "-m", "coverage", *arguments], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
