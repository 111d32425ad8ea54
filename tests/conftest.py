"""Fixtures for all tests."""

from __future__ import annotations

from tests.support.home import home

__all__ = ["home"]
