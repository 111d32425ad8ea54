"""The border between exceptions and exit statuses, and between text and the two streams.

Both doors lead their command through `guard`. It knows 0 done, 1 the answer is no, 2 could not run,
the closed pipe, and death by signal. Output that fails (a full disk, a closed descriptor) is 2.
"""

from __future__ import annotations

import os
import sys

from kcfg.problems import KcfgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Terminated(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived; raised in the main thread so that all is cleaned up."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def guard(command: Callable[[], int], *, process: bool) -> int:
    """Run a command and give its exit status.

    process: this call is the whole process's: a signal then ends it by the signal itself, so that
    a shell's loop stops too (after a mere `exit 130` bash goes on). Otherwise 128 + the number.
    """
    if process:
        _keep_descriptors_0_to_2()
    if sys.stdout is None:  # closed by the caller: what is written must fail, and not be lost
        sys.stdout = open(os.devnull)  # noqa: SIM115
    try:
        status = command()
        sys.stdout.flush()
    except KcfgError as error:
        say(f"kcfg: {error}")
        status = error.status
    except BrokenPipeError:
        status = 0
    except OSError as error:
        # Rooms turn their own OSErrors into KcfgErrors; what is left was met while writing output.
        why = error.strerror or "it is closed"
        say(f"kcfg: standard output: {why}; nothing of it may be relied upon")
        status = 2
    except KeyboardInterrupt:
        status = _died_of(2, process)
    except (Terminated, SystemError) as error:
        signal = _signal_behind(error)
        if signal is None:
            raise
        status = _died_of(signal.signal_number, process)
    if process:
        _give_up_broken_stdout()
    return status


def die_of_signals() -> None:
    """Let SIGINT end the process at once, as the others do, until `raise_on_signals`.

    An exception that comes while numpy is loaded ends as numpy's ImportError; while Typer parses
    the arguments, as a mere status. Nothing is there yet that would need cleaning up.
    """
    try:  # `signal` itself brings enum along, a good part of what a `kcfg get` costs
        import _signal as signal  # type: ignore[import-not-found, unused-ignore]
    except ImportError:  # another Python than CPython
        import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def raise_on_signals() -> None:
    """Make SIGINT, SIGTERM and SIGHUP raise `Terminated`, so that a command can clean up.

    What was ignored when kcfg started (nohup) stays ignored. Several signals at once (systemd sends
    SIGTERM and SIGHUP, closing terminals do, too) are one wish: the second must not interrupt the
    cleaning up. After two seconds it may. Where Python swallows every exception (in `__del__`, or
    as the import system forgets a lock) the signal is sent once more. A lack of memory there, such
    as in a thread that is just starting, is no traceback: whoever needs the memory tells it.
    """
    import _thread
    import signal
    import time

    deaf_until = 0.0
    unraisable = sys.unraisablehook

    def terminate(number: int, _frame: FrameType | None) -> None:
        nonlocal deaf_until
        now = time.monotonic()
        if now >= deaf_until:
            deaf_until = now + 2.0
            raise Terminated(number)

    def again(number: int) -> None:
        time.sleep(0.01)  # by then the main thread is out of where it was
        os.kill(os.getpid(), number)

    def swallowed(what: sys.UnraisableHookArgs) -> None:
        nonlocal deaf_until
        if isinstance(what.exc_value, Terminated):
            deaf_until = 0.0
            _thread.start_new_thread(again, (what.exc_value.signal_number,))
        elif not isinstance(what.exc_value, MemoryError):
            unraisable(what)

    sys.unraisablehook = swallowed
    # SIGINT, too: Typer would turn a KeyboardInterrupt into a mere exit 130.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        ours = (signal.SIG_DFL, signal.default_int_handler)
        if number is not None and signal.getsignal(number) in ours:
            signal.signal(number, terminate)


def put(text: str) -> None:
    """Write data to standard output. Raises OSError where it can't be written."""
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def put_bytes(data: bytes) -> None:
    """Write exact bytes to standard output."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def say(text: str) -> None:
    """One line to standard error; whatever is not printable is escaped."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(escaped(text) + "\n")
        sys.stderr.flush()
    except OSError:
        # Nobody listens, and there is nowhere else to tell it: the exit status still does.
        return


def say_lines(text: str) -> None:
    """Several lines to standard error."""
    for line in text.split("\n"):
        say(line)


def escaped(text: str) -> str:
    r"""The text with control, format, surrogate and unassigned characters as \x1b, \u202e.

    Everything that comes from a file, a variable or a name passes here before a terminal sees it.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def is_terminal() -> bool:
    """Standard output is a terminal that can draw."""
    return sys.stdout.isatty()


def _keep_descriptors_0_to_2() -> None:
    # A missing one would be given to the next file opened, and a child would write into it. Writing
    # into what stands there now fails, as it should.
    while (fd := os.open(os.devnull, os.O_RDONLY)) < 3:
        continue
    os.close(fd)


def _give_up_broken_stdout() -> None:
    """Let the interpreter's own last flush go nowhere, where ours has failed."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _signal_behind(error: BaseException) -> Terminated | None:
    """Python 3.10's os.fstat calls the handler of a second signal while the first one's exception
    is on its way, and Python makes a SystemError of that, with the exception as its cause."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, Terminated):
        cause = cause.__cause__
    return cause


def _died_of(number: int, process: bool) -> int:
    if process and os.name == "posix":
        import signal

        _give_up_broken_stdout()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number
