"""Run all recorded cases of one client for real, and print each answer as a line of JSON.

`python -m tests.conformance.real keras-2.3.1`, as root on Linux: in a mount namespace of its own,
with an empty /tmp and an /etc/passwd that names the recorded home. Each case gets its tree, its
user, its environment and its working directory, and `kcfg show --json` runs in a child.
"""

from __future__ import annotations

import ctypes
import difflib  # noqa: F401
import encodings.ascii  # noqa: F401
import io
import json
import os
import shlex  # noqa: F401
import shutil
import sys
from typing import Any

# All that the children need is loaded before /tmp, where it may lie, is covered.
import kcfg.checks.quick
import kcfg.cli.render.json_document
import kcfg.document
import kcfg.keras.first_run
import kcfg.repair
import kcfg.trust  # noqa: F401
from kcfg.checks.registry import CHECKS
from kcfg.cli import config
from kcfg.cli.boundary import guard
from tests.conformance.cases import Case, cases, content, placed

FAMILIES = [check.find for check in CHECKS]  # which loads them, too

PARENT = "/tmp/case"
SITE = "/tmp/environment/lib/python3.11/site-packages"
UNPRIVILEGED = 65534
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18


def own_mounts() -> None:
    """What this process mounts from now on, others don't see. OSError where that isn't allowed."""
    _call("unshare", CLONE_NEWNS)
    _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def empty(directory: bytes, mode: bytes) -> None:
    """Cover a directory with an empty one."""
    _call("mount", b"none", directory, b"tmpfs", 0, b"mode=" + mode)


def _call(name: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def enter_namespace() -> None:
    """A private /tmp and /etc/passwd. Raises OSError where the kernel doesn't allow it."""
    own_mounts()
    empty(b"/tmp", b"1777")
    with open("/tmp/passwd", "w") as passwd:
        passwd.writelines(
            f"{name}:x:{uid}:{uid}::{PARENT}/pwhome:/bin/sh\n"
            for name, uid in (("root", 0), ("nobody", UNPRIVILEGED))
        )
    _call("mount", b"/tmp/passwd", b"/etc/passwd", None, MS_BIND, None)


def make(case: Case) -> None:
    """The tree, everything in it the user's."""
    for old in (PARENT, "/tmp/.keras", "/tmp/environment"):
        shutil.rmtree(old, ignore_errors=True)
    os.makedirs(SITE)
    for name in case["installed"]:
        os.mkdir(f"{SITE}/{name}-1.0.dist-info")
    os.mkdir(PARENT)
    modes = []
    for file in case["files"]:
        path = file["path"]
        if file["kind"] == "dir":
            os.mkdir(path)
        elif file["kind"] == "symlink":
            os.symlink(file["target"], path)
        else:
            with open(path, "wb") as made:
                made.write(content(file))
        if file["kind"] != "symlink":
            modes.append((path, int(file["mode"], 8)))
    if case["user"] == "unprivileged":
        for path in [PARENT, *(file["path"] for file in case["files"])]:
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED, follow_symlinks=False)
    for path, mode in modes:
        os.chmod(path, mode)


def tree() -> list[tuple[str, int, int, int]]:
    """Every entry below the places that Keras might touch, with its mode, size and time."""
    found = []
    for top in (PARENT, "/tmp/.keras", "/.keras"):
        for folder, directories, files in os.walk(top):
            for name in (".", *directories, *files):
                about = os.lstat(os.path.join(folder, name))
                found.append((f"{folder}/{name}", about.st_mode, about.st_size, about.st_mtime_ns))
    return sorted(found)


def answer(client: str, case: Case) -> dict[str, Any]:
    """What `kcfg show --json` says, its status, and whether it left everything as it was."""
    make(case)
    before = tree()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        if case["user"] == "unprivileged":
            os.setgroups([])
            os.setresgid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
            os.setresuid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
        os.chdir(case["cwd"])
        for name in list(os.environ):
            del os.environ[name]
        os.environ.update(case["env"], VIRTUAL_ENV="/tmp/environment")
        sys.stdout = io.StringIO()
        release = client.removeprefix("keras-")
        status = guard(lambda: config.show(json=True, keras=release), process=False)
        with os.fdopen(writing, "w") as pipe:
            json.dump({"status": status, "shown": json.loads(sys.stdout.getvalue())}, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, ended = os.waitpid(child, 0)
    assert ended == 0, (case["id"], text)
    return {"id": case["id"], **json.loads(text), "untouched": tree() == before}


if __name__ == "__main__":
    records = list(cases(sys.argv[1]))
    enter_namespace()
    for recorded in records:
        print(json.dumps(answer(sys.argv[1], placed(recorded, PARENT))), flush=True)
