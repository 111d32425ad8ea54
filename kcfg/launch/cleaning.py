"""What tidies up after a run on POSIX: a shell that waits for its end, and the next run's sweep.

The cleaner is a `sh` in a session of its own, waiting on a pipe whose other end COMMAND and its
children inherit: it reads end-of-file when the last of them is gone, however it went. Children that
closed the descriptor (Python's `subprocess` does) are found by their environment, where /proc shows
it. If the cleaner is killed, too, the next run tidies: the private directory's flock, held by
inherited descriptors as well, tells the dead from the living.
"""

from __future__ import annotations

import errno
import os
import time

from kcfg.launch.place import PREFIX, UNFINISHED, boot
from kcfg.system import try_lock

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Of another kernel (a shared TMPDIR, or before a reboot) nobody can tell whether it lives.
FOREIGN_AGE = 10 * 86400.0
UNFINISHED_AGE = 60.0

# $1 wait or sweep, $2 the private directory, $3 its name, $4 where new entries belong
CLEANER = r"""
trap '' HUP INT QUIT TERM
mode=$1 p=$2 id=$3 data=$4

used() { grep -qF -e "$id" /proc/[0-9]*/environ 2>/dev/null; }
gone() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
leaned() { for r in "$1"/.kcfg-run-*; do [ -e "$r" ] && return 0; done; return 1; }
leanable() { # empty, or marked by a run; by one look
    something=
    for r in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        case ${r##*/} in .kcfg-*) return 0 ;; esac
        gone "$r" || something=yes
    done
    [ ! "$something" ]
}
mark() { (: >"$1/.kcfg-made"); } # a shell of its own: some end where this can't be

release() {
    rm -f -- "$1/.$id"
    case $2 in *-missing)
        if [ ! -e "$1/.kcfg-made" ]; then # killed between making it and marking it
            leaned "$1" || rmdir -- "$1"
            leanable "$1" && mark "$1" # who leans on it is to remove it
        fi ;;
    esac
    tries=0
    while [ $tries -lt 100 ] && [ -e "$1/.kcfg-made" ] && ! leaned "$1"; do
        tries=$((tries + 1))
        rm -f -- "$1/.kcfg-made"
        rmdir -- "$1" && return
        leanable "$1" || return # something came in: it's a directory like any other now
        mark "$1" # another run leans on it, or did for a moment
    done
}

clean() {
    chmod u+rwx "$p/keras"
    kept=
    for e in "$p"/keras/* "$p"/keras/.[!.]* "$p"/keras/..?*; do
        gone "$e" && continue
        name=${e##*/}
        case $name in keras.json*|.keras.json*) continue ;; esac
        [ -L "$e" ] && [ -L "$p/shown/$name" ] && continue
        mkdir -p -- "$data"
        mv -n -- "$e" "$data/"
        gone "$e" || mv -n -- "$e" "$data/$name.$id"
        gone "$e" || kept=yes
    done
    for h in "$p"/held/*; do
        [ -L "$h" ] || continue
        d=$(readlink -n -- "$h"; echo .)
        release "${d%.}" "$h"
    done
    [ "$kept" ] || rm -rf -- "$p"
}

case $mode in
sweep) used || clean ;;
wait)
    exec 3<&0
    (
        while read -r x; do :; done <&3
        while used; do sleep 1; done
        clean
    ) </dev/null &
    ;;
esac
"""


def start(arguments: Sequence[str], environ: Mapping[str, str], stdin: int, lock: int) -> None:
    """Run CLEANER; in its mode `wait` it comes back at once and goes on by itself.

    By a shell that starts the cleaner and ends: COMMAND gets no child that it didn't make. In a
    session of its own no signal of the terminal arrives; with no descriptor but these two,
    `kcfg run ... | cat` ends with COMMAND.
    """
    import subprocess

    path = environ.get("PATH")
    ended = subprocess.run(
        ["/bin/sh", "-c", CLEANER, "kcfg-run-cleaner", *arguments],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(lock,),
        start_new_session=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin" + (f":{path}" if path else ""), "LC_ALL": "C"},
        check=False,
    )
    if ended.returncode and arguments[0] == "wait":
        raise OSError(errno.EAGAIN, "the shell that tidies up afterwards could not start")


def sweep(base: str, environ: Mapping[str, str]) -> None:
    """Tidy what runs left behind whose cleaner was killed, too.

    A flock tells: COMMAND, its children and the cleaner hold it by inheritance.
    """
    try:
        names = os.listdir(base)
    except OSError:
        return  # Making a new directory there will say why.
    now = time.time()
    ours = PREFIX + boot()
    for name in names:
        if not name.startswith((PREFIX, UNFINISHED)):
            continue
        path = os.path.join(base, name)
        age = UNFINISHED_AGE if name.startswith(UNFINISHED) else FOREIGN_AGE
        try:
            if not name.startswith(ours) and now - os.lstat(path).st_mtime < age:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue  # Gone meanwhile, or another user's.
        try:
            if os.fstat(lock).st_uid == os.geteuid() and try_lock(lock):
                _tidy(path, name, environ, lock)
        except OSError:
            continue  # No process can be started: this run will say so itself.
        finally:
            os.close(lock)


def _tidy(path: str, name: str, environ: Mapping[str, str], lock: int) -> None:
    try:
        data = os.readlink(os.path.join(path, "data"))
    except OSError:
        remove(path)  # Killed before anything was made for COMMAND.
        return
    with open(os.devnull, "rb") as nothing:
        start(("sweep", path, name, data), environ, nothing.fileno(), lock)


def remove(path: str) -> None:
    """With all that is in it, as far as that can be."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)
