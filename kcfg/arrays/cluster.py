"""Runs a plan on a Dask cluster: what `executor.run` takes, the same bits, other machines' threads.

Goes in: a `Plan`, an open file, a `Job`. The plan is cut into stretches of some tens of megabytes;
each is a task for Dask of about a kilobyte (a path, facts about the file, four integers), whose
worker reads its own part of the file and writes its own part of the output, into the temporary
file that the client made and renames at the end (cluster_tasks.py). Only small results travel.

A stretch is some whole tasks of the plan. Products of integers, which are associative, are also cut
within a task, and the client multiplies what the parts give; those of floating-point numbers are
not, as their bits depend on the order of multiplications.

Which task runs where, what runs again when a worker dies: that is Dask's (`distributed`), which is
loaded here, when a run begins, and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import logging
import os
import pickle
import queue
import signal
import stat
import tempfile
import time
import uuid
import warnings
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import cluster_tasks as tasks
from kcfg.arrays import executor, files
from kcfg.arrays.cluster_tasks import Errand, Stretch, Target
from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import Any

    from kcfg.arrays.executor import Progress
    from kcfg.arrays.plan import Plan

    Array = np.ndarray[Any, np.dtype[Any]]

CONNECT_SECONDS = 8
"""How long to try to reach a scheduler."""
ANSWER_SECONDS = 30
"""How long a worker may take to say that it sees the file, and a cluster to have a worker again."""

LARGEST_STRETCH = 64 << 20
"""Bytes of the file for one task: tests/benchmarks/cluster.py shows what the scheduler adds."""
SMALLEST_STRETCH = 4 << 20
STRETCHES_PER_THREAD = 4
"""At least, where the file is large enough, so that no worker waits long for the last one."""
WINDOW = 4
"""Tasks with the scheduler at a time, for each thread of the cluster."""

TRAVEL_BYTES = files.IN_MEMORY
"""Of results without an output file, at most."""
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


def refuse_stream(path: str | None, address: str) -> None:
    """KcfgError where an input or output is a pipe, which workers can't open."""
    if path == "-" or (path is not None and _is_pipe(path)):
        raise KcfgError(
            f"a pipe or terminal is this machine's alone; the workers of {address} can't use it",
            where=path,
            keras=None,
            mend="name a file on a filesystem that they share, or work here: --cluster ''",
        )


class Cluster:
    """The workers behind an address; `run` is an `executor.Execute`. Connects when first used.

    address: a scheduler's ("tcp://host:8786"), or "local:N" for N processes on this machine.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.local_workers = _local_workers(address)
        self.client: Any = None
        self.workers = 0
        """How many took part in the last run."""
        self.tasks = 0
        """How many tasks all runs so far had."""
        self._on_exit = contextlib.ExitStack()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._on_exit.close()

    def run(
        self, plan: Plan, source: Any, job: Any, *, threads: int, progress: Progress | None
    ) -> None:
        """As `executor.run`; but `threads` are one machine's, and workers have their own."""
        del threads
        if self.client is None:
            self.connect()
        target = self._target(plan, job)
        told_as = uuid.uuid4().hex[:12] if progress else None
        errand = Errand(
            os.path.abspath(source.where),
            tasks.seen(source),
            plan.replace(),  # without what it worked out and keeps
            job,
            target,
            tasks.setting(),
            told_as,
        )
        packed = pickle.dumps(errand, protocol=4)
        nthreads = self._require_workers()
        self._require_alike(packed, list(nthreads))
        self.workers = len(nthreads)
        cores = sum(nthreads.values())
        total = plan.size * job.itemsize
        share = total // (cores * STRETCHES_PER_THREAD)
        budget = max(SMALLEST_STRETCH, min(LARGEST_STRETCH, share))
        parts = stretches(plan, job.itemsize, associative=job.associative, budget=budget)
        few = list(itertools.islice(parts, cores))
        run = _Run(self, plan, job, packed, itertools.chain(few, parts))
        run.threads = max(1, min(cores // max(1, len(few)), *nthreads.values()))
        run.window = WINDOW * cores
        run.to_the_end(progress, told_as)
        self.tasks += run.submitted

    def ask(self, make: Callable[[], Awaitable[Any]], seconds: float) -> Any:
        """The result of what `make` starts in the client's event loop, or TimeoutError."""

        async def bounded() -> Any:
            return await asyncio.wait_for(make(), seconds)

        return self.client.sync(bounded)

    def nthreads(self) -> dict[str, int]:
        """Address -> threads of each worker; KcfgError where the scheduler doesn't answer."""
        try:
            found: dict[str, int] = self.ask(lambda: self.client.nthreads(), CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError) as error:
            raise self.lost() from error
        return found

    def lost(self) -> KcfgError:
        """The scheduler is gone."""
        return self._error("the connection to the scheduler was lost", "see whether it still runs")

    def _error(self, what: str, mend: str | None) -> KcfgError:
        return KcfgError(f"cluster {self.address}: {what}", where=None, keras=None, mend=mend)

    def connect(self) -> None:
        """Reach the scheduler, or start local workers; KcfgError within seconds if that fails."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            distributed = self._distributed()
            address, security = self.address, None
            if self.local_workers:
                local = self._start_local(distributed)
                address, security = local.scheduler_address, local.security
            try:
                security = security or distributed.Security()
                probe = asyncio.wait_for(_identity(address, security), CONNECT_SECONDS)
                kind = asyncio.run(probe)
                if kind == "Scheduler":
                    self.client = distributed.Client(
                        address, timeout=2, set_as_default=False, name="kcfg", security=security
                    )
            except Exception as error:  # whatever Dask meets at an address that a user has typed
                raise self._unreachable(_reason(error)) from error
        if self.client is None:
            raise self._unreachable(f"a {kind} answers there, no scheduler")
        self._on_exit.callback(self._disconnect)

    def _unreachable(self, why: str) -> KcfgError:
        return self._error(
            f"cannot be reached ({why})",
            "give the address that `dask scheduler` prints, such as tcp://host:8786",
        )

    def _distributed(self) -> Any:
        try:
            distributed = importlib.import_module("distributed")
        except ImportError as error:
            raise self._error(
                f"Dask is not installed here ({error})", "pip install 'kcfg[dask]'"
            ) from error
        # Its log is for who runs a cluster; a user of kcfg reads one line, ours.
        for name in ("distributed", "tornado", "asyncio", *logging.root.manager.loggerDict):
            if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        return distributed

    def _start_local(self, distributed: Any) -> Any:
        """N processes, which only this user can reach: TLS with keys that nobody else has."""
        directory = self._on_exit.enter_context(
            tempfile.TemporaryDirectory(prefix="kcfg-dask-", ignore_cleanup_errors=True)
        )
        config = importlib.import_module("dask.config")
        self._on_exit.enter_context(config.set({"temporary-directory": directory}))
        cores = executor.default_threads()
        try:
            local = distributed.LocalCluster(
                n_workers=self.local_workers,
                threads_per_worker=max(1, cores // self.local_workers),
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                worker_dashboard_address=None,
                silence_logs=logging.CRITICAL + 1,
                local_directory=directory,
                memory_limit=0,
                security=True,
                env={"PYTHONWARNINGS": "ignore"},
                loop=_loop_without_interrupts(),
            )
        except (OSError, asyncio.TimeoutError, RuntimeError, ImportError) as error:
            raise self._error(
                f"cannot start its workers ({_reason(error)})", "leave out --cluster to work here"
            ) from error
        self._on_exit.callback(_quietly, lambda: local.close(timeout=5))
        return local

    def _disconnect(self) -> None:
        client, self.client = self.client, None
        _quietly(lambda: client.close(timeout=2))

    def _require_workers(self) -> dict[str, int]:
        deadline = time.monotonic() + CONNECT_SECONDS
        while not (found := self.nthreads()):
            if time.monotonic() > deadline:
                raise self._error("the scheduler has no workers", "start some: dask worker ADDRESS")
            time.sleep(0.1)
        return found

    def _require_alike(self, packed: bytes, addresses: list[str]) -> None:
        """Before work: every worker has our kcfg and numpy and sees the same files."""
        versions = "__import__('kcfg').__version__"
        for address, answer in self._of_each(eval, (versions,), addresses).items():
            if isinstance(answer, ImportError):
                self._refuse_worker(
                    address, f"has no kcfg ({answer})", None, "install the same kcfg there"
                )
            if answer != (ours := dict(tasks.setting())["kcfg"]):
                what = f"has kcfg {answer}, this machine {ours}"
                if isinstance(answer, BaseException):
                    what = f"did not answer ({_reason(answer)})"
                self._refuse_worker(
                    address, what, None, "results could differ: install the same on all machines"
                )
        for address, answer in self._of_each(tasks.trial, (packed,), addresses).items():
            if isinstance(answer, BaseException):
                self._refuse_worker(address, f"cannot begin ({_reason(answer)})", None, None)
            if answer[0] == "refused":
                self._refuse_worker(address, *answer[1:4])

    def _of_each(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], addresses: list[str]
    ) -> dict[str, Any]:
        """What the function gives on each worker, or the exception met."""
        client = self.client

        async def of_one(address: str) -> Any:
            answer = client.run(function, *arguments, workers=[address], on_error="return")
            try:
                answers = await asyncio.wait_for(answer, ANSWER_SECONDS)
            except (OSError, asyncio.TimeoutError) as error:
                return error
            return answers.get(address, OSError("it has just left"))

        async def of_all() -> list[Any]:
            return await asyncio.gather(*map(of_one, addresses))

        return dict(zip(addresses, client.sync(of_all), strict=True))

    def _refuse_worker(self, address: str, what: str, where: str | None, mend: str | None) -> None:
        raise KcfgError(f"worker {address}: {what}", where=where, keras=None, mend=mend)

    def _target(self, plan: Plan, job: Any) -> Target | None:
        """Where workers write the results; None if those are few and travel."""
        sink = getattr(job, "sink", None)
        if sink is None:
            return None
        if isinstance(sink, files.FileSink):
            os.fsync(sink.fd)  # other machines see the header and the size
            size = os.fstat(sink.fd).st_size
            return Target(_path_of(sink), size, sink.offset)
        nbytes = plan.results * sink.flat.itemsize
        if nbytes > TRAVEL_BYTES:
            raise self._error(
                f"{nbytes:,} bytes of results are too many to travel",
                "write them to a filesystem that all workers share: -o OUT.npy",
            )
        return None


class _Run:
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
            futures = [future for future, _ in self.waiting.values()]
            _quietly(lambda: self.cluster.ask(lambda: client.cancel(futures, force=True), 3))
            raise
        finally:
            if progress is not None:
                _quietly(lambda: client.unsubscribe_topic(tasks.TOPIC))

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
            tasks.work,
            [self.packed] * len(chosen),
            [(part.first, part.last, part.begin, part.end) for part in chosen],
            [self.threads] * len(chosen),
            key=keys,
            pure=False,
        )
        self.submitted += len(chosen)
        for key, future, part in zip(keys, futures, chosen, strict=True):
            self.waiting[key] = future, part
            future.add_done_callback(self.finished.put)

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
        if answer[0] == "refused":
            what, where, mend, status = answer[1:]
            if status != 1:
                what = f"a worker of {self.cluster.address}: {what}"
            raise KcfgError(what, where=where, keras=None, mend=mend, status=status)
        _future, part = self.waiting.pop(key)
        self.under_way.pop(key, None)
        self.done += stretch_bytes(self.plan, part, self.job.itemsize)
        _, told, results = answer
        self.job.add(told)
        if part.end - part.begin == self.plan.steps_per_task:
            for start, some in results:
                self.job.sink.write(start, some)
        else:
            ((_, some),) = results
            self._multiply(part, some)

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
            what = f"a worker failed ({_reason(error)})"
        return KcfgError(
            f"cluster {self.cluster.address}: {what}",
            where=None,
            keras=None,
            mend="the workers' own logs say more",
        )


async def _identity(address: str, security: Any) -> str:
    """What answers at an address: "Scheduler", "Worker", ...

    Asked before a `Client` is made, as one that fails takes 20 seconds and more to be gone.
    """
    core = importlib.import_module("distributed.core")
    comm = await core.connect(
        address, timeout=2 * CONNECT_SECONDS, **security.get_connection_args("client")
    )
    try:
        answer = await core.send_recv(comm, op="identity", reply=True)
    finally:
        comm.abort()
    return str(answer.get("type"))


def _loop_without_interrupts() -> Any:
    """An event loop in a thread that blocks SIGINT, as the processes that it starts will, too: a
    Ctrl-C meets every process of a terminal, and is for the client alone."""
    runner = importlib.import_module("distributed.utils").LoopRunner()
    # Once started, it leaves masks alone; starting it from a thread would unblock SIGINT there.
    importlib.import_module("multiprocessing.resource_tracker").ensure_running()
    if not hasattr(signal, "pthread_sigmask"):
        runner.start()
        return runner.loop
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        runner.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return runner.loop


def _local_workers(address: str) -> int:
    """N of "local:N", 0 for other addresses."""
    if not address.startswith("local"):
        return 0
    number = address.removeprefix("local").removeprefix(":")
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 1024):
        raise KcfgError(
            f"--cluster {address!r} is no number of workers",
            where=None,
            keras=None,
            mend="local:N starts N worker processes here, such as local:2",
        )
    return int(number)


def _path_of(sink: files.FileSink) -> str:
    """The name of the temporary file behind an output, in the output's directory."""
    directory = os.path.dirname(os.path.realpath(sink.where))
    status = os.fstat(sink.fd)
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.inode() == status.st_ino and os.path.samestat(
                status, entry.stat(follow_symlinks=False)
            ):
                return entry.path
    raise KcfgError(
        "the temporary file for the output has no name that workers could open",
        where=sink.where,
        keras=None,
        mend="name an output on a filesystem that all workers share",
    )


def _is_pipe(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _reason(error: BaseException) -> str:
    """What an exception of others says, on one line."""
    words = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        words = "what answers there is not Dask"
    if isinstance(error, asyncio.TimeoutError) and not words:
        words = "no answer in time"
    return words if len(words) <= 300 and words else words[:300] or type(error).__name__


def _quietly(close: Callable[[], Any]) -> None:
    """While leaving: what can't be closed any more is gone already."""
    with contextlib.suppress(OSError, asyncio.TimeoutError, RuntimeError, asyncio.CancelledError):
        close()
