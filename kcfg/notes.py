"""What is worth telling of a write that was done: each thing once, as a `Problem`."""

from __future__ import annotations

from kcfg.problems import NOTE, WARNING, Problem


class Notes:
    """Those of one write to `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: dict[tuple[str, str | None], Problem] = {}

    def all(self) -> tuple[Problem, ...]:
        """In the order in which they came up."""
        return tuple(self._found.values())

    def add(self, problem: Problem) -> None:
        """Once for each place, however often an update begins anew."""
        self._found[problem.code, problem.path] = problem

    def no_lock(self) -> None:
        """Nothing kept another writer away."""
        self._tell(
            "no-lock",
            WARNING,
            "this filesystem has no locks: two writers at the same moment could lose a change",
        )

    def hard_link(self, count: int) -> None:
        """The file was replaced, and had `count` names."""
        self._tell(
            "hard-linked",
            WARNING,
            f"the file had {count} names (hard links); the others keep the old text",
        )

    def not_kept(self, what: str) -> None:
        """An attribute of the old file that the new one lacks."""
        self._tell("attribute-not-kept", NOTE, f"the filesystem did not let us keep the {what}")

    def unconfirmed(self) -> None:
        """fsync isn't supported."""
        self._tell(
            "not-confirmed", NOTE, "this filesystem cannot confirm that the change is on the disk"
        )

    def not_read_again(self, error: Exception) -> None:
        """The look at what was written failed."""
        self._tell("not-read-again", WARNING, f"written, but not to be read again: {error}")

    def _tell(self, code: str, severity: str, message: str) -> None:
        self.add(
            Problem(
                code=code,
                severity=severity,
                message=message,
                keras=None,
                path=self._path,
                line=None,
                column=None,
                fix=None,
            )
        )
