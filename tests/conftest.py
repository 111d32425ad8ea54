"""Fixtures for all tests."""

from __future__ import annotations

import os

import pytest

from tests.support.command import home

__all__ = ["home"]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With KCFG_NO_SKIP=1, which CI sets, a skipped test is a failed one."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("KCFG_NO_SKIP") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
