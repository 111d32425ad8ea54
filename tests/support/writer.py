"""One writer of many: `python -m tests.support.writer PATH KEY COUNT MODE`.

Sets KEY to 0, 1, ... COUNT - 1 in the keras.json at PATH, one update after the other. MODE says
which lock it takes: "flock" (what a local filesystem gets), "network" (the record lock alone, as if
the directory's were local to each machine), "none" (no lock, and no look whether the file changed:
the control that shows that the test can fail).
"""

from __future__ import annotations

import sys

from kcfg import document, store
from kcfg.lock import Lock
from kcfg.original import Original


def set_key(path: str, key: str, value: int) -> None:
    def edit(data: bytes | None) -> bytes:
        text = document.read(b"{\n}\n" if data is None else data)
        return document.encode(
            document.apply(text.text, document.set_members(text, {key: str(value)}))
        )

    store.update(path, edit, lock_timeout=120)


def main(path: str, key: str, count: str, mode: str) -> None:
    def yes(*_: object) -> bool:
        return True

    if mode != "flock":
        Lock.take_folder = yes  # type: ignore[method-assign]
    if mode == "network":
        store.is_on_network = yes
    if mode == "none":
        Original.is_unchanged = yes  # type: ignore[method-assign]
        store._Update._stayed = yes  # type: ignore[method-assign]
    for value in range(int(count)):
        set_key(path, key, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
