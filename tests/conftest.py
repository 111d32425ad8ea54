"""Fixtures for all tests."""

from __future__ import annotations

from tests.support.home import home
from tests.support.shell import shell

__all__ = ["home", "shell"]
