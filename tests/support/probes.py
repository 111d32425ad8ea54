"""What this machine can do, asked and not guessed: each probe is a mark that skips a test.

With KCFG_NO_SKIP=1, which CI sets, nothing is skipped: a test that can't do its work fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

import pytest


def needs(able: bool, reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not able and os.environ.get("KCFG_NO_SKIP") != "1", reason=f"needs {reason}"
    )


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _mount_namespace() -> bool:
    script = "from tests.conformance.real import enter_namespace; enter_namespace()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    return ran.returncode == 0


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _keeps_attributes() -> bool:
    if not hasattr(os, "setxattr"):
        return False
    with tempfile.NamedTemporaryFile() as file:
        try:
            os.setxattr(file.fileno(), "user.kcfg", b"1")
        except OSError:
            return False
    return True


def _can_make_immutable() -> bool:
    if not _is_root() or shutil.which("chattr") is None:
        return False
    with tempfile.NamedTemporaryFile() as file:
        able = _works("chattr", "+i", file.name)
        if able:
            subprocess.run(["chattr", "-i", file.name], check=True)
        return able


needs_mount_namespace = needs(
    _mount_namespace(), "root on Linux, allowed to make a mount namespace"
)
needs_root = needs(_is_root(), "root, to give files to other users")
needs_strace = needs(
    _works("strace", "-f", "-qq", "-e", "inject=fsync:error=EIO", "-o", os.devnull, "true"),
    "strace, allowed to trace (in Docker: --cap-add SYS_PTRACE)",
)
needs_mounts = needs(
    _works("unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"),
    "root and unshare, allowed to mount",
)
needs_attributes = needs(_keeps_attributes(), "a temporary directory with extended attributes")
needs_chattr = needs(_can_make_immutable(), "root and chattr, on a filesystem that knows it")
needs_proc_locks = needs(os.path.exists("/proc/locks"), "Linux's /proc/locks")
needs_fork = needs(hasattr(os, "fork"), "fork, and signals as POSIX has them")
needs_bash = needs(_works("bash", "--version"), "bash")
needs_zsh = needs(_works("zsh", "--version"), "zsh")
needs_fish = needs(_works("fish", "--version"), "fish")
