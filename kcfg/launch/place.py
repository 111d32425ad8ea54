"""What a private keras directory is called, where it stands, and what it shows of the real one.

One directory per `kcfg run`, mode 0700, below TMPDIR:

    kcfg-run-BOOT-RANDOM/
        keras/      what KERAS_HOME names: keras.json, and links to the real directory's entries
        data        link to the directory where the COMMAND's new entries belong
        shown/      the same links, by which what COMMAND made is told from what was there
        held/       links to the directories that this run made or leans on, the deepest first

The two links make it complete: whoever finds one that was left behind can tidy it (POSIX only).
"""

from __future__ import annotations

import os

from kcfg.problems import KcfgError
from kcfg.system import failure

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG = "keras.json"

# The subdirectories that Keras itself downloads into (`cache_subdir` of every `get_file` call in
# its `datasets/` and `applications/`, 1.0 to 3.15).
DOWNLOADS = ("datasets", "models")

PREFIX = "kcfg-run-"
# While the lock isn't taken yet; such a name is left alone by others for a minute.
UNFINISHED = "kcfg-new-"


def temporary_directory(environ: Mapping[str, str]) -> str:
    """TMPDIR, else /tmp; on Windows TEMP. Never XDG_RUNTIME_DIR: a small tmpfs of 0.1 of memory.

    A TMPDIR that is full or missing is an error of the run, not a reason to put things elsewhere.
    """
    if os.name == "nt":
        # Without either, cmd.exe's own default.
        chosen = environ.get("TEMP") or environ.get("TMP") or r"C:\Windows\Temp"
    else:
        chosen = environ.get("TMPDIR") or "/tmp"
    return os.path.abspath(chosen)


def boot() -> str:
    """Eight hex digits that name this running kernel: as far as a flock reaches."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return file.read(8).decode("ascii")
    except (OSError, UnicodeDecodeError):
        import zlib

        node = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
        return f"{zlib.crc32(os.fsencode(node)):08x}"


def new_name() -> str:
    """BOOT-RANDOM: no two runs share one."""
    return f"{boot()}-{os.urandom(8).hex()}"


def shown(names: Iterable[str]) -> list[str]:
    """Which entries of a real keras directory a private one links to: all but keras.json.

    Nor what belongs to keras.json (a half-written one) or to kcfg itself.
    """
    return sorted(
        name
        for name in names
        if name != CONFIG
        and not name.startswith((".kcfg-", PREFIX, UNFINISHED))
        and not name.endswith(".kcfg-tmp")
    )


def entries(directory: str) -> list[str]:
    """`shown` entries of a directory; one that can't be listed shows Keras's own downloads."""
    try:
        return shown(os.listdir(directory))
    except OSError:
        return [name for name in DOWNLOADS if os.path.lexists(os.path.join(directory, name))]


def cannot_make(base: str, error: OSError, variable: str) -> KcfgError:
    """One line for a private directory that couldn't be made; `variable` says where they go."""
    return failure(
        error,
        where=base,
        doing="make a private keras directory",
        mend=f"set {variable} to a directory with room that you may write to",
    )


def not_found(program: str) -> KcfgError:
    """Status 127, as env(1) and every shell have it."""
    return KcfgError("command not found", where=program, keras=None, mend=None, status=127)


def not_executable(program: str, error: OSError) -> KcfgError:
    """Status 126, as env(1) and every shell have it."""
    refused = failure(error, where=program, doing="execute it", mend="chmod +x, or look at its #!")
    refused.status = 126
    return refused
