"""What this machine can do, asked and not guessed: each probe is a mark that skips a test.

With KCFG_NO_SKIP=1, which CI sets, a test that would be skipped fails.
"""

from __future__ import annotations

import subprocess
import sys

import pytest


def _mount_namespace() -> bool:
    script = "from tests.conformance.real import enter_namespace; enter_namespace()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    return ran.returncode == 0


needs_mount_namespace = pytest.mark.skipif(
    not _mount_namespace(), reason="needs root on Linux, allowed to make a mount namespace"
)
