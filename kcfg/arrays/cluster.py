"""Runs a plan on a Dask cluster: what `executor.run` takes, the same bits, other machines' threads.

Goes in: a `Plan`, an open file, a `Job`. The plan is cut into stretches of 4 MiB to 1 GiB; each is
a task for Dask of about a kilobyte (a path, facts about the file, four integers), whose worker
reads its own part of the file and writes its own part of the output, into the temporary file that
the client made and renames at the end (cluster_tasks.py). Only small results travel.

A stretch is some whole tasks of the plan. Products of integers, which are associative, are also cut
within a task, and the client multiplies what the parts give; those of floating-point numbers are
not, as their bits depend on the order of multiplications.

Which task runs where, what runs again when a worker dies: that is Dask's (`distributed`), which is
loaded here, when a run begins, and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import pickle
import socket
import stat
import threading
import time
import uuid
import warnings
from typing import TYPE_CHECKING

from kcfg.arrays import cluster_tasks as tasks
from kcfg.arrays import files
from kcfg.arrays.cluster_local import start, workers_of
from kcfg.arrays.cluster_run import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    LARGEST_STRETCH,
    SMALLEST_STRETCH,
    STRETCHES_PER_THREAD,
    WINDOW,
    Run,
    blocked,
    quietly,
    reason,
    stretches,
)
from kcfg.arrays.cluster_tasks import Errand, Target
from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Any

    from kcfg.arrays.executor import Progress
    from kcfg.arrays.plan import Plan


TRAVEL_BYTES = files.IN_MEMORY
"""Of results without an output file, at most."""


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
        self.local_workers = workers_of(address)
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
        nthreads = self._require_alike(packed)
        self.workers = len(nthreads)
        cores = sum(nthreads.values())
        total = plan.size * job.itemsize
        share = total // (cores * STRETCHES_PER_THREAD)
        budget = max(SMALLEST_STRETCH, min(LARGEST_STRETCH, share))
        parts = stretches(plan, job.itemsize, associative=job.associative, budget=budget)
        few = list(itertools.islice(parts, cores))
        run = Run(self, plan, job, packed, itertools.chain(few, parts))
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
                local = start(self.local_workers, self._on_exit)
                address, security = local.scheduler_address, local.security
            try:
                security = security or distributed.Security()
                left = CONNECT_SECONDS - _seconds_to_look_up(address)
                probe = asyncio.wait_for(_identity(address, security), max(1, left))
                kind = asyncio.run(probe)
                if kind == "Scheduler":
                    self.client = distributed.Client(
                        address, timeout=2, set_as_default=False, name="kcfg", security=security
                    )
            except Exception as error:  # whatever Dask meets at an address that a user has typed
                not_dask = isinstance(error, MemoryError)  # its first bytes taken for a length
                why = "what answers there is not Dask" if not_dask else reason(error)
                raise self._unreachable(why) from error
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
            # Hundreds of modules, not all of which let an exception through that isn't theirs.
            with blocked("SIGINT", "SIGTERM", "SIGHUP"):
                import distributed
        except ImportError as error:
            raise self._error(
                f"Dask is not installed here ({error})", "pip install distributed cryptography"
            ) from error
        # Its log is for who runs a cluster; a user of kcfg reads one line, ours.
        for name in ("distributed", "tornado", "asyncio", *logging.root.manager.loggerDict):
            if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        return distributed

    def _disconnect(self) -> None:
        client, self.client = self.client, None
        quietly(lambda: client.close(timeout=2))

    def _require_workers(self) -> dict[str, int]:
        deadline = time.monotonic() + CONNECT_SECONDS
        while not (found := self.nthreads()):
            if time.monotonic() > deadline:
                raise self._error("the scheduler has no workers", "start some: dask worker ADDRESS")
            time.sleep(0.1)
        return found

    def _require_alike(self, packed: bytes) -> dict[str, int]:
        """Before work: every worker has our kcfg and numpy and sees the same files. Gives their
        threads. One that leaves meanwhile is no trouble, unless it is the last."""
        nthreads = self._require_workers()
        versions = "__import__('kcfg').__version__"
        for address, answer in self._of_each(eval, (versions,), nthreads).items():
            if isinstance(answer, ImportError):
                self._refuse_worker(
                    address, f"has no kcfg ({answer})", None, "install the same kcfg there"
                )
            if isinstance(answer, BaseException):
                self._refuse_worker(address, f"did not answer ({reason(answer)})", None, None)
            if answer != (ours := dict(tasks.setting())["kcfg"]):
                self._refuse_worker(
                    address,
                    f"has kcfg {answer}, this machine {ours}",
                    None,
                    "results could differ: install the same on all machines",
                )
        for address, answer in self._of_each(tasks.trial, (packed,), nthreads).items():
            if isinstance(answer, BaseException):
                self._refuse_worker(address, f"cannot begin ({reason(answer)})", None, None)
            if answer[0] == "refused":
                self._refuse_worker(address, *answer[1:4])
        return self._require_workers()

    def _of_each(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], addresses: Iterable[str]
    ) -> dict[str, Any]:
        """What the function gives on each worker that is still there, or the exception met."""
        client = self.client

        async def of_one(address: str) -> Any:
            answer = client.run(function, *arguments, workers=[address], on_error="return")
            try:
                answers = await asyncio.wait_for(answer, ANSWER_SECONDS)
            except (OSError, ValueError, asyncio.TimeoutError) as error:
                return error
            return answers.get(address, OSError("it has just left"))

        async def of_all() -> list[Any]:
            return await asyncio.gather(*map(of_one, addresses))

        answers = dict(zip(addresses, client.sync(of_all), strict=True))
        if any(isinstance(answer, BaseException) for answer in answers.values()):
            there = self.nthreads()
            answers = {address: answers[address] for address in answers if address in there}
        return answers

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
            return Target(_path_of(sink), size, sink.offset, not self.local_workers)
        nbytes = plan.results * sink.flat.itemsize
        if nbytes > TRAVEL_BYTES:
            raise self._error(
                f"{nbytes:,} bytes of results are too many to travel",
                "write them to a filesystem that all workers share: -o OUT.npy",
            )
        return None


def _seconds_to_look_up(address: str) -> float:
    """How long it takes to look up the host's name; TimeoutError where that never ends.

    In a thread that nobody waits for: Python ends no event loop, nor itself, before a look-up does,
    and name servers that are silent take half a minute.
    """
    from distributed.comm import addressing

    host, _ = addressing.parse_host_port(addressing.parse_address(address)[1], 8786)
    began = time.monotonic()
    looked_up = threading.Event()

    def look_up() -> None:
        with contextlib.suppress(OSError):  # Dask will meet it, too, and says it
            socket.getaddrinfo(host, None)
        looked_up.set()

    threading.Thread(target=look_up, daemon=True).start()
    if not looked_up.wait(CONNECT_SECONDS):
        raise asyncio.TimeoutError(f"no name server answers for {host}")
    return time.monotonic() - began


async def _identity(address: str, security: Any) -> str:
    """What answers at an address: "Scheduler", "Worker", ...

    Asked before a `Client` is made, as one that fails takes 20 seconds and more to be gone.
    """
    from distributed import core

    comm = await core.connect(
        address, timeout=2 * CONNECT_SECONDS, **security.get_connection_args("client")
    )
    try:
        answer = await core.send_recv(comm, op="identity", reply=True)
    finally:
        comm.abort()
    return str(answer.get("type"))


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
