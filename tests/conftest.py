"""Fixtures for all tests."""

from __future__ import annotations

import signal

from tests.support.home import home
from tests.support.shell import shell

__all__ = ["home", "shell"]

# kcfg lets alone a signal that it finds ignored. Tests that run behind nohup, or in the background
# of a script, must not hand that on to the processes which they interrupt.
for name, default in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, default)
