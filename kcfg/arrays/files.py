"""Where elements come from and where results go: a file, a pipe, or memory.

`open_input` gives a source whose header was parsed; `read` fills a buffer whole or raises.
Sinks take results at their place in the output's memory order. Everything that the system refuses
leaves as a `KcfgError` with the file's name (a closed pipe as BrokenPipeError).
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import stat
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from kcfg import atomic, system
from kcfg.arrays import npy
from kcfg.arrays.arguments import check_named
from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any

STDIN, STDOUT = 0, 1

IN_MEMORY = 16 << 20
"""Bytes up to which results are kept in memory where they may be spilled, and accumulators that
wait for their next factors. There may be both."""

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Input:
    """An open `.npy` file or pipe; `read` gives its data."""

    def __init__(self, fd: int, where: str) -> None:
        self.fd = fd
        self.where = where
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise KcfgError("this is a directory", where=where, keras=None, mend="name a .npy file")
        regular = stat.S_ISREG(status.st_mode)
        self.sequential = not regular
        self.file_size = status.st_size if regular else None
        self._start = os.lseek(fd, 0, os.SEEK_CUR) if regular else 0
        self._reached = self._start  # in the file, while the header is read
        self.stopped = False
        self._drained = 0
        size = None if self.file_size is None else max(0, self.file_size - self._start)
        self.header = npy.read_header(self._next_bytes, where, size)
        self._place = 0  # in the data, of a pipe

    def read(self, start: int, into: memoryview) -> None:
        """Fill `into` with the data from byte `start` on; a pipe only in order."""
        if self.sequential:
            assert start == self._place, "a pipe is read in order"
            self._place += len(into)
        at, filled = self._start + self.header.offset + start, 0
        while filled < len(into):
            try:
                if self.sequential:
                    got = self._read_pipe(into[filled:])
                else:
                    got = os.preadv(self.fd, [into[filled:]], at + filled)
            except OSError as error:
                raise system.failure(error, where=self.where, doing="read it") from error
            if not got:
                raise self._too_short(start + filled)
            filled += got

    def _read_pipe(self, into: memoryview) -> int:
        self._wait()  # also where somebody made it non-blocking
        return os.readv(self.fd, [into])

    def _wait(self) -> None:
        """Wait for a pipe in short turns, so that a thread that waits can be stopped."""
        if not hasattr(select, "poll"):
            return  # Windows: the thread is left behind
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        while not poll.poll(100):
            if self.stopped:
                raise KcfgError("interrupted", where=self.where, keras=None, mend=None)

    def drain(self) -> None:
        """Read a pipe to its end, so that who writes into it isn't killed by SIGPIPE."""
        rest = memoryview(bytearray(1 << 16))
        try:
            while self.sequential and (got := self._read_pipe(rest)):
                self._drained += got
        except OSError as error:
            raise system.failure(error, where=self.where, doing="read it") from error

    def surplus(self) -> int:
        """Bytes behind the data, so far as they are known (of a pipe: what was drained)."""
        if self.file_size is None:
            return self._drained
        return self.file_size - self._start - self.header.offset - self.header.nbytes

    def _next_bytes(self, count: int) -> bytes:
        parts = []
        while count:
            try:
                if self.sequential:
                    self._wait()
                    part = os.read(self.fd, count)
                else:
                    part = os.pread(self.fd, count, self._reached)
            except OSError as error:
                raise system.failure(error, where=self.where, doing="read it") from error
            if not part:
                break
            self._reached = self._reached + len(part)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _too_short(self, found: int) -> KcfgError:
        expected = self.header.nbytes
        if self.sequential:
            what = f"the stream ended after {found:,} of {expected:,} bytes of data"
        else:
            what = f"the file became shorter while it was read ({found:,} of {expected:,} bytes)"
        return KcfgError(what, where=self.where, keras=None, mend=None)


@contextlib.contextmanager
def open_input(path: str) -> Iterator[Input]:
    """Open `path` (`-`: stdin) and parse its header. KcfgError for all that can go wrong."""
    check_named(path, "name a .npy file, or - for stdin")
    if path == "-":
        yield Input(STDIN, "stdin")
        return
    try:
        fd = os.open(path, os.O_RDONLY | _BINARY)
    except OSError as error:
        raise system.failure(error, where=path, doing="read it") from error
    except ValueError as error:  # a NUL in it
        raise KcfgError(
            f"cannot read it: {error}", where=path, keras=None, mend="correct the path"
        ) from error
    try:
        yield Input(fd, path)
    finally:
        os.close(fd)


class Sink(ABC):
    """Takes results at their place in the output's memory order; from several threads."""

    @abstractmethod
    def write(self, start: int, results: np.ndarray[Any, Any]) -> None:
        """Put `results` (C-contiguous) at result number `start`, or raise KcfgError."""

    def close(self) -> None:  # noqa: B027 (most have nothing to do)
        """Nothing more will be written: let go who waits in `write`."""


class MemorySink(Sink):
    """Results in an array of the output's memory order."""

    def __init__(self, count: int, dtype: np.dtype[Any]) -> None:
        self.flat = np.empty(count, dtype)

    def write(self, start: int, results: np.ndarray[Any, Any]) -> None:
        """Copy them."""
        self.flat[start : start + results.size] = results.reshape(-1)


class FileSink(Sink):
    """Results at their place in a file that can be seeked."""

    def __init__(self, fd: int, offset: int, where: str) -> None:
        self.fd, self.offset, self.where = fd, offset, where

    def write(self, start: int, results: np.ndarray[Any, Any]) -> None:
        """pwrite them."""
        data = _bytes_of(results)
        at = self.offset + start * results.itemsize
        while data:
            try:
                written = os.pwrite(self.fd, data, at)
            except OSError as error:
                raise system.failure(error, where=self.where, doing="write it") from error
            at += written
            data = data[written:]

    def read(self, start: int, count: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """Read back what was written."""
        found = np.empty(count, dtype)
        into, at = _bytes_of(found), self.offset + start * dtype.itemsize
        while into:
            try:
                got = os.preadv(self.fd, [into], at)
            except OSError as error:
                raise system.failure(error, where=self.where, doing="read it") from error
            if not got:
                raise KcfgError(
                    "it became shorter while it was in use", where=self.where, keras=None, mend=None
                )
            at += got
            into = into[got:]
        return found

    def copy_to(self, sink: Sink, count: int, dtype: np.dtype[Any]) -> None:
        """Hand everything on, in order."""
        step = max(1, (1 << 20) // dtype.itemsize)
        for start in range(0, count, step):
            sink.write(start, self.read(start, min(step, count - start), dtype))


class PipeSink(Sink):
    """Results one after another into a pipe: each writer waits for its turn (back-pressure)."""

    def __init__(self, fd: int, where: str) -> None:
        self.fd, self.where = fd, where
        self.place = 0
        self.turn = threading.Condition()
        self.closed = False

    def write(self, start: int, results: np.ndarray[Any, Any]) -> None:
        """Wait until everything before `start` is written, then write."""
        with self.turn:
            self.turn.wait_for(lambda: self.closed or self.place == start)
            if self.closed:
                return
        write_all(self.fd, _bytes_of(results), self.where)
        with self.turn:
            self.place = start + results.size
            self.turn.notify_all()

    def close(self) -> None:
        """Let every waiting writer go."""
        with self.turn:
            self.closed = True
            self.turn.notify_all()


def write_all(fd: int, data: memoryview | bytes, where: str) -> None:
    """Write all of `data` to `fd`; BrokenPipeError passes."""
    data = memoryview(data)
    while data:
        data = data[_write_some(fd, data, where) :]


def _write_some(fd: int, data: memoryview, where: str) -> int:
    try:
        return os.write(fd, data)
    except BrokenPipeError:
        raise
    except BlockingIOError:  # somebody made the pipe non-blocking
        select.select([], [fd], [])
        return 0
    except OSError as error:
        raise system.failure(error, where=where, doing="write it") from error


def refuse_itself(source: Input, out: str | None, *, overwrite: bool) -> None:
    """An output that is the input itself needs --force; say so in these words."""
    if out in (None, "-") or overwrite:
        return
    try:
        same = os.path.samestat(os.fstat(source.fd), os.stat(str(out)))
    except (OSError, ValueError):
        return  # whether it can be written shows soon
    if same:
        raise KcfgError(
            "this is the input itself", where=out, keras=None, mend="use --force to replace it"
        )


class Output:
    """Where the results of a run go; `array` gives them if they stayed here."""

    def __init__(
        self, sink: Sink, dtype: np.dtype[Any], shape: tuple[int, ...], *, fortran: bool,
        spilled: IO[bytes] | None = None,
    ) -> None:  # fmt: skip
        self.sink, self.dtype, self.shape, self.fortran = sink, dtype, shape, fortran
        self.spilled = spilled

    def array(self) -> np.ndarray[Any, Any] | None:
        """The results in their shape and order, None if they went to a file."""
        flat: np.ndarray[Any, Any]
        if isinstance(self.sink, MemorySink):
            flat = self.sink.flat
        elif self.spilled is not None:
            flat = np.memmap(self.spilled, self.dtype, "r")
        else:
            return None
        return flat.reshape(self.shape[::-1]).T if self.fortran else flat.reshape(self.shape)


@contextlib.contextmanager
def open_output(
    out: str | None,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    *,
    fortran: bool,
    overwrite: bool,
    spill: bool,
) -> Iterator[Output]:
    """Open the output: a `.npy` file (`-`: stdout), or with None memory.

    A file is reserved in full, written beside its place and renamed at the end of the block.
    fortran: the results come first axis fastest. spill: without `out`, many results may go
    to a nameless temporary file that `Output.array` maps.
    """
    fortran = fortran and sum(length != 1 for length in shape) > 1 and 0 not in shape
    count = math.prod(shape)
    nbytes = count * dtype.itemsize
    if out is None:
        if spill and nbytes > IN_MEMORY:
            with _temporary(nbytes) as file:
                sink = FileSink(file.fileno(), 0, "temporary file")
                yield Output(sink, dtype, shape, fortran=fortran, spilled=file)
        else:
            yield Output(_memory_sink(count, dtype), dtype, shape, fortran=fortran)
        return
    check_named(out, "name the output: -o OUT.npy, or - for stdout")
    header = npy.header_bytes(dtype, shape, fortran=fortran)
    if out == "-":
        write_all(STDOUT, header, "stdout")
        for pipe in _piped(STDOUT, "stdout"):
            yield Output(pipe, dtype, shape, fortran=fortran)
        return
    size = len(header) + nbytes
    with atomic.replacing(out, overwrite=overwrite, size=size, durable=False) as fd:
        write_all(fd, header, out)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            yield Output(FileSink(fd, len(header), out), dtype, shape, fortran=fortran)
        else:
            for pipe in _piped(fd, out):
                yield Output(pipe, dtype, shape, fortran=fortran)


@contextlib.contextmanager
def temporary_sink(nbytes: int) -> Iterator[FileSink]:
    """A nameless temporary file that can be read back."""
    with _temporary(nbytes) as file:
        yield FileSink(file.fileno(), 0, "temporary file")


def write_ones(sink: Sink, count: int, dtype: np.dtype[Any]) -> None:
    """Products of no elements."""
    step = max(1, (1 << 20) // dtype.itemsize)
    for start in range(0, count, step):
        sink.write(start, np.ones(min(step, count - start), dtype))


def _memory_sink(count: int, dtype: np.dtype[Any]) -> MemorySink:
    try:
        return MemorySink(count, dtype)
    except MemoryError as error:
        raise KcfgError(
            f"the result of {count * dtype.itemsize:,} bytes doesn't fit into memory",
            where=None,
            keras=None,
            mend="write it to a file: -o OUT.npy",
        ) from error


def _temporary(nbytes: int) -> IO[bytes]:
    import tempfile  # brings in a dozen modules, and few runs need it

    file = None
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by who asked)
        system.reserve(file.fileno(), nbytes)
    except OSError as error:
        if file is not None:
            file.close()
        where = f"temporary file of {nbytes:,} bytes"
        raise system.failure(error, where=where, doing="write it") from error
    return file


def _piped(fd: int, where: str) -> Iterator[PipeSink]:
    sink = PipeSink(fd, where)
    try:
        yield sink
    finally:
        sink.close()


def _bytes_of(results: np.ndarray[Any, Any]) -> memoryview:
    flat: Any = np.ascontiguousarray(results).reshape(-1).view(np.uint8)
    return memoryview(flat)
