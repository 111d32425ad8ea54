"""What jobs share: how one is sent to another process and its count brought back, how it ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from kcfg.record import Record

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    from kcfg.arrays.files import Sink

Losses = TypeVar("Losses")

STAYS = ("plan", "sink", "store", "counting")
"""The plan travels by itself; the others belong to a process, and a worker has its own."""


class Portable:
    """Base of the jobs in prod.py, cast.py and info.py; see executor.Job for what a job is."""

    associative = False
    """Any order and any split of a task's steps gives the same bits."""
    lost: list[int]
    """How many elements or results were lost, of each kind."""

    def __init__(self) -> None:
        self.counting = threading.Lock()

    def stop(self) -> None:
        """Nothing more will come; here nobody waits."""

    def told(self) -> Any:
        """What all tiles so far said, besides the results: small, and can be pickled."""
        return self.lost

    def add(self, told: Any) -> None:
        """Add what the same job told elsewhere about other tiles."""
        with self.counting:
            self.lost = [a + b for a, b in zip(self.lost, told, strict=True)]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in STAYS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        vars(self)["store"] = None
        self.counting = threading.Lock()


class Writing(Portable):
    """Base of the jobs whose results go to a sink."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self.sink = sink

    def stop(self) -> None:
        """Let go who waits for a turn to write."""
        self.sink.close()


class Outcome(Record, Generic[Losses]):
    """What such a job's run gives."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    array: np.ndarray[Any, np.dtype[Any]] | None
    """None when it went into a file."""
    losses: Losses
    surplus: int
    """Bytes behind the data, not read."""
