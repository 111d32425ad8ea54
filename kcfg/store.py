"""The one way in which a keras.json is changed: bytes in, bytes out, nothing lost.

In: a path and a function from the old bytes to the new ones; out: a `Change`. What happens, in this
order, is `update`; each line has its reason:

    realpath            a link stays a link, its target is replaced
    open the directory  names are looked up in it from now on, whatever becomes of the path
    trust               nobody else may be able to swap what we write
    lock                one kcfg at a time; then: is it still the same directory?
    sweep               what a killed writer left; safe, because we hold the lock
    read, edit          a regular file of at most 16 MiB; no change: stop, nothing is touched
    backup, fsync       where it is wanted: there before the old file may go
    write, fsync        a temporary file with the old one's owner, mode, attributes and ACL
    changed meanwhile?  start over (somebody who takes no lock)
    rename, fsync       readers see the old bytes or the new ones
    read again          a first `import keras` may have overwritten it with defaults: start over

An exception at any point, a signal's included, leaves the old file and no temporary one.
"""

from __future__ import annotations

import errno
import os
import stat

from kcfg import atomic, system
from kcfg.lock import Lock, is_on_network
from kcfg.notes import Notes
from kcfg.original import Original, content, read
from kcfg.problems import KcfgError
from kcfg.record import Record
from kcfg.system import Folder
from kcfg.trust import REFUSED, check_trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kcfg.problems import Problem

_ATTEMPTS = 20
_NETWORK_LITTER_AGE = 60.0  # seconds: there a writer elsewhere may be alive


class Change(Record):
    """What `update` did."""

    path: str
    """As it was given."""
    target: str
    """The file itself, behind all links."""
    is_link: bool
    """The path is itself a symbolic link."""
    before: bytes | None
    """None: there was no file."""
    after: bytes | None
    """What is there now, or with dry_run what would be; None: still no file."""
    written: bool
    backup: str | None
    notes: tuple[Problem, ...]
    """Worth telling: other hard links, no locks here, owner not kept, a group may write, ..."""


def update(
    path: str,
    edit: Callable[[bytes | None], bytes | None],
    *,
    force: bool = False,
    lock_timeout: float = 10.0,
    dry_run: bool = False,
    backup: bool | Callable[[bytes], bool] = False,
    retry_hint: str | None = None,
    notice: Callable[[str], None] | None = None,
) -> Change:
    """Replace the bytes of `path` by `edit` of them, or create it.

    edit: gets None where there is no file; returns None, or the same bytes, to leave things as
    they are; an exception from it ends the update. It may be called several times.
    force: overrides trust, nothing else. lock_timeout: seconds. dry_run: look, write nothing.
    backup: copy the old file to PATH.bak first; a function decides by its bytes.
    retry_hint: the command line that overrides a refusal, for its message.
    notice: called with a sentence when waiting takes longer than a second.

    KcfgError in every case of failure; unless it says otherwise the old file is intact.
    """
    try:
        work = _Update(
            path,
            edit,
            force=force,
            lock_timeout=lock_timeout,
            backup=backup,
            retry_hint=retry_hint,
            notice=notice,
        )
    except OSError as error:
        gone = "the working directory is gone: change to one that is there"
        raise system.failure(error, where=path, doing="find its directory", mend=gone) from error
    try:
        return work.preview() if dry_run else work.run()
    except OSError as error:
        raise work.failure(error) from error


class _Update:
    """One call of `update`: its arguments, and what is known on the way."""

    def __init__(
        self,
        path: str,
        edit: Callable[[bytes | None], bytes | None],
        *,
        force: bool,
        lock_timeout: float,
        backup: bool | Callable[[bytes], bool],
        retry_hint: str | None,
        notice: Callable[[str], None] | None,
    ) -> None:
        self.path = path
        self.edit = edit
        self.force = force
        self.lock_timeout = lock_timeout
        self.backup = backup
        self.retry_hint = retry_hint
        self.notice = notice
        self.target = os.path.realpath(path)
        self.directory, self.name = os.path.split(self.target)
        self.doing = "open its directory"
        self.notes = Notes(path)

    def preview(self) -> Change:
        """Without lock, and whoever may be trusted: what would be written."""
        self.doing = "read it"
        for problem in check_trust(self.path):
            self.notes.add(problem)
        if not os.path.isdir(self.directory):
            self._require_links_to_lead_somewhere()
        before = read(self.path)
        after = self.edit(before)
        changes = after is not None and after != before
        return self.change(before, after if changes else before, written=False)

    def run(self) -> Change:
        made: list[str] = []
        try:
            for _ in range(_ATTEMPTS):
                if not os.path.isdir(self.directory) and not self._make_directories(made):
                    return self.change(None, None, written=False)
                change = self._attempt()
                if change is not None:
                    return change
        except BaseException:
            _remove_empty(made)
            raise
        raise KcfgError(
            f"another program changed it {_ATTEMPTS} times while kcfg wanted to write it",
            where=self.path,
            keras="its last change is in place",
            mend="end that program, or run the command again",
        )

    def _attempt(self) -> Change | None:
        """None: the ground moved under us, start over."""
        self.doing = "open its directory"
        try:
            folder = self._open_folder()
        except FileNotFoundError:  # another writer failed, and took its new directory away
            return None
        lock = Lock(folder, self.directory, self.lock_timeout, self.notice)
        try:
            self._require_trust()
            self.doing = "lock its directory"
            if not lock.take_folder():
                self.notes.no_lock()
            if not folder.is_still_at_its_path():
                return None
            self.doing = "read it"
            on_network = is_on_network(folder.status())
            age = _NETWORK_LITTER_AGE if on_network else 0.0
            atomic.sweep(folder, self.name, alone=True, older_than=age)
            old = self._original(folder, lock, on_network)
            try:
                return self._rewrite(folder, old)
            finally:
                old.close()
        except FileNotFoundError:
            if folder.is_still_at_its_path():
                raise
            return None
        finally:
            lock.release()
            folder.close()

    def _original(self, folder: Folder, lock: Lock, on_network: bool) -> Original:
        """The file as it is now; on a network home locked for other machines, too."""
        while True:
            old = Original(folder, self.name, self.path, writable=on_network)
            if old.fd is None or not old.writable:
                return old
            try:
                taken = lock.take_file(old.fd)
                if not taken:
                    self.notes.no_lock()
                if not taken or old.has_its_name():
                    return old
                lock.require_time()  # it was replaced while we waited: the new one is to be locked
            except BaseException:
                old.close()
                raise
            old.close()

    def _rewrite(self, folder: Folder, old: Original) -> Change | None:
        before = old.read()
        after = self.edit(before)
        if after is None or after == before:
            return self.change(before, before, written=False)
        self.doing = "write it"
        if old.status is not None and old.status.st_nlink > 1:
            self.notes.hard_link(old.status.st_nlink)
        copy = None
        try:
            if before is not None and self._wants_backup(before):
                copy = self._back_up(folder, old, before)
                if not folder.sync() and folder.fd is not None:  # before its original goes
                    self.notes.unconfirmed()
            if not self._place(folder, self.name, after, old):
                if copy is not None:
                    system.quietly(lambda: folder.unlink(copy))
                return None
        except BaseException:
            if copy is not None:
                system.quietly(lambda: self._take_back(folder, copy, old))
            raise
        self._confirm(folder)
        if not self._stayed(folder, after):
            return None
        kept = os.path.join(self.directory, copy) if copy is not None else None
        return self.change(before, after, written=True, backup=kept)

    def _place(self, folder: Folder, name: str, data: bytes, old: Original) -> bool:
        """`data` under `name`, beside or in place of the old file. False: that changed meanwhile,
        or somebody was first."""
        replaces = name == self.name and old.status is not None
        staged = atomic.Staged(folder, name, swept_with=self.name)
        try:
            fd = staged.create(0o600 if old.status is not None else 0o666)
            _write(fd, data, self.path)
            if old.status is not None:
                for what in system.copy_attributes(old.fd, old.status, fd):
                    self.notes.not_kept(what)
            if not staged.confirm():
                self.notes.unconfirmed()
            if name == self.name:
                if not old.is_unchanged():
                    staged.discard()
                    return False
                if folder.fd is None:  # Windows replaces no file that is open
                    old.close()
            staged.publish(overwrite=replaces)
        except FileExistsError:
            staged.discard()
            return False
        except BaseException:
            staged.discard()
            raise
        return True

    def _stayed(self, folder: Folder, after: bytes) -> bool:
        """Is what we wrote still there? Where it cannot be read again that is only worth telling:
        the disk has confirmed it."""
        try:
            new = Original(folder, self.name, self.path, writable=False)
            try:
                return new.read() == after
            finally:
                new.close()
        except (OSError, KcfgError) as error:
            self.notes.not_read_again(error)
            return True

    def _wants_backup(self, before: bytes) -> bool:
        return self.backup if isinstance(self.backup, bool) else self.backup(before)

    def _back_up(self, folder: Folder, old: Original, data: bytes) -> str:
        """A copy of the old file under the first free name: keras.json.bak, .bak.1, ..."""
        number = 0
        while True:
            name = f"{self.name}.bak" + (f".{number}" if number else "")
            if self._place(folder, name, data, old):
                return name
            number += 1

    def _take_back(self, folder: Folder, copy: str, old: Original) -> None:
        """Remove a backup that isn't needed; after the rename, where a signal may have come, it is
        all that is left of the old file."""
        if old.has_its_name():
            folder.unlink(copy)

    def _confirm(self, folder: Folder) -> None:
        try:
            confirmed = folder.sync()
        except OSError as error:
            raise system.failure(
                error,
                where=self.path,
                doing="confirm its name: the new file is written and in place, but the disk did "
                "not confirm it",
            ) from error
        if not confirmed and folder.fd is not None:
            self.notes.unconfirmed()

    # --- the directory ---------------------------------------------------------------------------

    def _make_directories(self, made: list[str]) -> bool:
        """Create what is missing; False: nothing is to be written, so nothing was created."""
        self._require_links_to_lead_somewhere()
        missing = []
        place = self.directory
        while not os.path.lexists(place):
            missing.append(place)
            place = os.path.dirname(place)
        if missing and self.edit(None) is None:
            return False
        if missing:
            self.doing = f"create the directory {self.directory}"
            self._require_trust()
        for place in reversed(missing):
            shared = os.stat(os.path.dirname(place)).st_mode & stat.S_ISVTX
            made.append(place)
            try:
                # As Keras's os.makedirs, but never writable by everybody, which we would not trust.
                os.mkdir(place, 0o700 if shared else 0o775)
            except FileExistsError:
                made.remove(place)
        return True

    def _require_links_to_lead_somewhere(self) -> None:
        for place in (self.path, os.path.dirname(os.path.abspath(self.path))):
            if os.path.islink(place) and not os.path.exists(self.directory):
                link = "is" if place == self.path else f"its directory {place} is"
                raise KcfgError(
                    f"{link} a link to {os.readlink(place)}, but there is no directory "
                    f"{self.directory}",
                    where=self.path,
                    keras="Keras could not write there either",
                    mend="create that directory, or remove the link",
                )

    def _open_folder(self) -> Folder:
        try:
            return Folder(self.directory)
        except NotADirectoryError:
            if os.path.islink(self.directory):  # realpath leaves only links that lead in circles
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
            raise

    def _require_trust(self) -> None:
        for problem in check_trust(self.path):
            if problem.code not in REFUSED or self.force:
                self.notes.add(problem)
                continue
            cure = f"repair it with `{problem.fix.command}`, or " if problem.fix else ""
            command = f"`{self.retry_hint}`" if self.retry_hint else "--force"
            raise KcfgError(
                problem.message,
                where=problem.path,
                keras="kcfg wrote nothing",
                mend=f"{cure}if this is as it should be, overrule with {command}",
            )

    # --- what is told ----------------------------------------------------------------------------

    def change(
        self, before: bytes | None, after: bytes | None, *, written: bool, backup: str | None = None
    ) -> Change:
        return Change(
            path=self.path,
            target=self.target,
            is_link=os.path.islink(self.path),
            before=before,
            after=after,
            written=written,
            backup=backup,
            notes=self.notes.all(),
        )

    def failure(self, error: OSError) -> KcfgError:
        return system.failure(error, where=self.path, doing=self.doing, kept="nothing was changed")


def _remove_empty(directories: list[str]) -> None:
    for directory in reversed(directories):

        def remove(directory: str = directory) -> None:
            os.rmdir(directory)

        system.quietly(remove)


def _write(fd: int, data: bytes, path: str) -> None:
    """All bytes, however few the system takes at once; then look whether they are there."""
    done = 0
    while done < len(data):
        done += os.write(fd, data[done:])
    if content(fd, path) != data:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
