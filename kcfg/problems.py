"""What any room may hand on: a `Problem`, the `Fix` for it, a `KcfgError` that ends a command.

All slots are given by name and none has a default: whoever makes one must have thought about
where it is, what it is, what Keras would do, and what mends it (`None` is written on purpose).
"""

from __future__ import annotations

from kcfg.record import Record

# Severities, the worst first (their meaning for the user: `kcfg check --help`).
ERROR = "error"
WARNING = "warning"
NOTE = "note"
SEVERITIES = (ERROR, WARNING, NOTE)


class Fix(Record):
    """What mends a problem."""

    command: str | None
    """A line for a shell, or None where the edits need `kcfg check --fix`."""
    edits: tuple[tuple[int, int, str], ...]
    """(start, end, text): what to put in place of which characters of the file; () if nothing."""
    safe: bool
    """True: it can mean only one thing, `--fix` applies it. False: it needs `--unsafe-fixes`."""


class Problem(Record):
    """Something about a file or the environment that a person should know."""

    code: str
    """Stable name of what is wrong, such as "backend-removed"."""
    severity: str
    """ERROR, WARNING or NOTE, for the release in force."""
    message: str
    """What is wrong, one sentence without a full stop."""
    keras: str | None
    """What Keras does about it, one clause."""
    path: str | None
    """The file, or the environment variable's name; None for the situation as a whole."""
    line: int | None
    """From 1."""
    column: int | None
    """From 1, in characters."""
    fix: Fix | None


class KcfgError(Exception):
    """Ends a command with one line on stderr.

    status: 2 "could not run" (usage, refused value, I/O); 1 "the answer is no".
    """

    def __init__(
        self, what: str, *, where: str | None, keras: str | None, mend: str | None, status: int = 2
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.keras = keras
        self.mend = mend
        self.status = status

    def __str__(self) -> str:
        """One line: where: what; what Keras would do; what to do."""
        told = "; ".join(part for part in (self.what, self.keras, self.mend) if part)
        return f"{self.where}: {told}" if self.where else told
