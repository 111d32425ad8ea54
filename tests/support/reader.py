"""A reader that never stops: `python -m tests.support.reader PATH`, until its stdin closes.

Reads as Keras does, `open` and `json.load`, and prints what went wrong, then how often it read.
"""

from __future__ import annotations

import json
import select
import sys


def main(path: str) -> None:
    reads = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        with open(path) as file:
            try:
                if not isinstance(json.load(file), dict):
                    raise ValueError("no object")  # noqa: TRY301, TRY004
            except ValueError as error:
                sys.stdout.write(f"broken: {error}\n")
        reads += 1
    sys.stdout.write(f"{reads}\n")


if __name__ == "__main__":
    main(sys.argv[1])
