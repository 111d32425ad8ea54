"""One plan on its way through a cluster: cut into stretches, submitted, taken in.

Goes in: a plan, a job, the packed errand (cluster_tasks.py), a `Cluster` that is connected. Every
stretch becomes a task for Dask; at any time the scheduler has a window of them. What comes back
is counted, written or, where an integer product was cut within, multiplied.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import queue
import signal
import time
import uuid
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import cluster_tasks as tasks
from kcfg.arrays.cluster_tasks import Stretch
from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from kcfg.arrays.cluster import Cluster
    from kcfg.arrays.executor import Progress
    from kcfg.arrays.plan import Plan

    Array = np.ndarray[Any, np.dtype[Any]]

CONNECT_SECONDS = 6
"""How long to try to reach a scheduler."""
ANSWER_SECONDS = 30
"""How long a worker may take to say that it sees the file, and a cluster to have a worker again."""

LARGEST_STRETCH = 1 << 30
"""Bytes of the file for one task; what Dask adds is about 2 % of that much work, as
tests/benchmarks/cluster.py measures, and less where reading is slower than from memory."""
SMALLEST_STRETCH = 4 << 20
STRETCHES_PER_THREAD = 4
"""At least, where the file is large enough, so that no worker waits long for the last one."""
WINDOW = 4
"""Tasks with the scheduler at a time, for each thread of the cluster."""

PARTIAL_SHARE = 256
"""A part of an integer product is at least so many times as large as what it sends back."""


def stretches(plan: Plan, itemsize: int, *, associative: bool, budget: int) -> Iterator[Stretch]:
    """Cut a plan into stretches of about `budget` bytes of the file, in the plan's order."""
    per_task = max(1, plan.size * itemsize // plan.tasks)
    steps = plan.steps_per_task
    if associative and steps > 1 and per_task > budget:
        least = PARTIAL_SHARE * plan.results_per_task * 8
        parts = min(steps, max(1, per_task // max(budget, least)))
        bounds = [steps * part // parts for part in range(parts + 1)]
        for task in range(plan.tasks):
            for begin, end in itertools.pairwise(bounds):
                yield Stretch(task, task + 1, begin, end)
        return
    together = max(1, budget // per_task)
    for first in range(0, plan.tasks, together):
        yield Stretch(first, min(first + together, plan.tasks), 0, steps)


def stretch_bytes(plan: Plan, stretch: Stretch, itemsize: int) -> int:
    """Bytes of the file in a stretch, for the progress bar (those at an edge may have fewer)."""
    steps = (stretch.last - stretch.first) * (stretch.end - stretch.begin)
    return plan.size * itemsize * steps // plan.steps


class Run:
    """One plan on its way through the cluster."""

    def __init__(
        self, cluster: Cluster, plan: Plan, job: Any, packed: bytes, parts: Iterator[Stretch]
    ) -> None:
        self.cluster, self.plan, self.job, self.packed = cluster, plan, job, packed
        self.parts = parts
        self.threads = 1
        self.window = WINDOW
        self.name = f"kcfg-{type(job).__name__}-{uuid.uuid4().hex}"
        self.finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.waiting: dict[str, tuple[Any, Stretch]] = {}
        self.submitted = 0
        self.partial: dict[int, tuple[int, Array]] = {}
        """Plan's task -> (steps multiplied so far, product)."""
        self.settled: set[int] = set()
        self.refusal: KcfgError | None = None
        """The answer is no, by the earliest stretch so far that says so."""
        self.done = 0
        self.under_way: dict[str, int] = {}
        self.looked = self.seen_worker = time.monotonic()

    def to_the_end(self, progress: Progress | None, told_as: str | None) -> None:
        """Submit all parts, a window of them at a time, and take in what they give."""
        client = self.cluster.client
        total = self.plan.size * self.job.itemsize
        if progress is not None:
            client.subscribe_topic(tasks.TOPIC, lambda event: self._hear(event[1], told_as))
        try:
            self._submit()
            while self.waiting:
                self._take(self._next_finished())
                self._submit()
                if progress is not None:
                    running = list(self.under_way.values())
                    progress(min(total, self.done + sum(running)), total)
        except BaseException:
            self._cancel([future for future, _ in self.waiting.values()])
            raise
        finally:
            if progress is not None:
                quietly(lambda: client.unsubscribe_topic(tasks.TOPIC))
        if self.refusal is not None:
            raise self.refusal

    def _hear(self, message: Any, told_as: str | None) -> None:
        run, key, done = message
        if run == told_as and key in self.waiting:
            self.under_way[key] = done

    def _submit(self) -> None:
        if len(self.waiting) > self.window // 2:
            return
        chosen: list[Stretch] = []
        for part in self.parts:
            if part.first in self.settled:
                self.done += stretch_bytes(self.plan, part, self.job.itemsize)
                continue
            chosen.append(part)
            if len(chosen) + len(self.waiting) >= self.window:
                break
        if not chosen:
            return
        keys = [f"{self.name}-{self.submitted + place}" for place in range(len(chosen))]
        futures = self.cluster.client.map(
            eval,
            [tasks.WORK] * len(chosen),
            [{"given": self._given(part)} for part in chosen],
            key=keys,
            pure=False,
        )
        self.submitted += len(chosen)
        for key, future, part in zip(keys, futures, chosen, strict=True):
            self.waiting[key] = future, part
            future.add_done_callback(self.finished.put)

    def _given(self, part: Stretch) -> tuple[Any, ...]:
        """The arguments of `cluster_tasks.work`, as plain data."""
        return self.packed, (part.first, part.last, part.begin, part.end), self.threads

    def _next_finished(self) -> list[Any]:
        """Futures that are finished by now, after a short wait."""
        found = []
        try:
            found.append(self.finished.get(timeout=0.1))
            while True:
                found.append(self.finished.get_nowait())
        except queue.Empty:
            if not found:
                self._require_life()
            return found

    def _require_life(self) -> None:
        """While nothing happens: is there still a scheduler, with a worker?"""
        now = time.monotonic()
        if self.cluster.client.status not in ("running", "connecting"):
            raise self.cluster.lost()
        if now - self.looked < 2:
            return
        self.looked = now
        if self.cluster.nthreads():
            self.seen_worker = now
        elif now - self.seen_worker > ANSWER_SECONDS:
            raise KcfgError(
                f"cluster {self.cluster.address}: no worker is left",
                where=None,
                keras=None,
                mend="start some and try again",
            )

    def _take(self, found: list[Any]) -> None:
        found = [future for future in found if str(future.key) in self.waiting]
        for future in found:
            if future.status == "error":
                raise self._failure(future)
            if future.status != "finished":
                raise self.cluster.lost()
        client = self.cluster.client
        while found:
            try:
                answers = self.cluster.ask(lambda: client.gather(found), CONNECT_SECONDS)
            except asyncio.TimeoutError:
                self._require_life()  # whoever has it is gone: Dask has it done again
                continue
            except OSError as error:
                raise self.cluster.lost() from error
            for future, answer in zip(found, answers, strict=True):
                self._take_in(str(future.key), answer)
            return

    def _take_in(self, key: str, answer: tuple[Any, ...]) -> None:
        if key not in self.waiting:  # behind one that said no
            return
        _future, part = self.waiting.pop(key)
        self.under_way.pop(key, None)
        if answer[0] == "refused":
            self._refuse(part, *answer[1:])
            return
        self.done += stretch_bytes(self.plan, part, self.job.itemsize)
        _, told, results = answer
        self.job.add(told)
        if part.end - part.begin == self.plan.steps_per_task:
            for start, some in results:
                self.job.sink.write(start, some)
        else:
            ((_, some),) = results
            self._multiply(part, some)

    def _refuse(
        self, part: Stretch, what: str, where: str | None, mend: str | None, status: int
    ) -> None:
        """A worker could not run, or its answer is no: then only stretches before it go on, so
        that it is always the first no of all that is told."""
        said_no = status == 1
        what = what if said_no else f"a worker of {self.cluster.address}: {what}"
        refusal = KcfgError(what, where=where, keras=None, mend=mend, status=status)
        if not said_no:
            raise refusal
        self.refusal, self.parts = refusal, iter(())
        behind = [key for key, (_, other) in self.waiting.items() if other.first > part.first]
        self._cancel([self.waiting.pop(key)[0] for key in behind])

    def _cancel(self, futures: list[Any]) -> None:
        client = self.cluster.client
        quietly(lambda: self.cluster.ask(lambda: client.cancel(futures, force=True), 3))

    def _multiply(self, part: Stretch, some: Array) -> None:
        """Into the product of a task that was cut within, in whatever order."""
        task = part.first
        if task in self.settled:
            return
        steps, product = self.partial.pop(task, (0, None))
        with np.errstate(all="ignore"):
            product = some if product is None else np.multiply(product, some)
        steps += part.end - part.begin
        if steps == self.plan.steps_per_task or self.job.settled([product]):
            self.settled.add(task)
            self.job.sink.write(self.plan.results_of(task)[0], product)
        else:
            self.partial[task] = steps, product

    def _failure(self, future: Any) -> KcfgError:
        error = self.cluster.ask(lambda: future.exception(), CONNECT_SECONDS)
        if type(error).__name__ == "KilledWorker":
            what = "a task was given up, as each worker that ran it died"
        else:
            what = f"a worker failed ({reason(error)})"
        return KcfgError(
            f"cluster {self.cluster.address}: {what}",
            where=None,
            keras=None,
            mend="the workers' own logs say more",
        )


def reason(error: BaseException) -> str:
    """What an exception of others says, on one line."""
    words = " ".join(str(error).split())
    if isinstance(error, asyncio.TimeoutError) and not words:
        words = "no answer in time"
    return words[:300] or type(error).__name__


def quietly(close: Callable[[], Any]) -> None:
    """While leaving: what can't be closed any more is gone already."""
    with contextlib.suppress(OSError, asyncio.TimeoutError, RuntimeError, asyncio.CancelledError):
        close()


@contextlib.contextmanager
def blocked(*names: str) -> Iterator[None]:
    """Signals that wait until this is done; threads that are started meanwhile never get them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, name) for name in names})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
