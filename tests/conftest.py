"""Where everything is installed that the tests want, a skip is a failure."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

NO_SKIPS = "DOTPROXY_NO_SKIPS"
"""The environment variable that says so, whatever its value: CI sets it."""

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[
    None, pytest.TestReport, pytest.TestReport
]:
    """Judge what came of a test."""
    return judged((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[
    None, pytest.CollectReport, pytest.CollectReport
]:
    """Judge what came of a module, which may be skipped as a whole."""
    return judged((yield))


def judged(report: R) -> R:
    """Turn a skip into a failure that gives the reason, where none is allowed."""
    # A test that is expected to fail says "skipped" too, and does as it should.
    if os.environ.get(NO_SKIPS) and report.skipped and not hasattr(report, "wasxfail"):
        assert isinstance(report.longrepr, tuple)
        report.longrepr = f"{report.longrepr[-1]}, but {NO_SKIPS} is set"
        report.outcome = "failed"
    return report


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test stand in a folder of its own: trial's mktemp makes files there."""
    monkeypatch.chdir(tmp_path)
