import json
import os
import stat
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kcfg import document, original, store, system
from kcfg.problems import KcfgError
from kcfg.store import update
from kcfg.system import Folder
from tests.support.probes import needs_attributes, needs_fork, needs_root


@pytest.fixture
def file(tmp_path):
    directory = tmp_path / "home" / ".keras"
    directory.mkdir(parents=True)
    (directory / "keras.json").write_bytes(b"old")
    return directory / "keras.json"


def to(data):
    return lambda _: data


def names(directory):
    return sorted(os.listdir(directory))


def codes(change):
    return [note.code for note in change.notes]


# --- what is done -------------------------------------------------------------------------------


def test_the_edit_gets_the_old_bytes_and_its_bytes_are_written(file):
    change = update(str(file), lambda data: data + b" and new")
    assert (change.before, change.after, change.written) == (b"old", b"old and new", True)
    assert change.target == change.path == str(file)
    assert change.backup is None
    assert file.read_bytes() == b"old and new"
    assert names(file.parent) == ["keras.json"]


@pytest.mark.parametrize(
    "edit", [pytest.param(to(b"old"), id="same-bytes"), pytest.param(to(None), id="none")]
)
def test_nothing_is_written_when_nothing_changes(file, edit):
    os.utime(file, ns=(1, 1))
    before = file.stat()
    change = update(str(file), edit)
    assert (change.before, change.after, change.written) == (b"old", b"old", False)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (1, before.st_ino)


def test_dry_run_touches_nothing(tmp_path, file):
    file.chmod(0o666)
    os.utime(file, ns=(1, 1))
    change = update(str(file), to(b"new"), dry_run=True)
    assert (change.before, change.after, change.written) == (b"old", b"new", False)
    assert codes(change) == ["untrusted-mode"]  # what a real run would refuse is told
    assert file.stat().st_mtime_ns == 1
    missing = tmp_path / "none" / "keras.json"
    assert update(str(missing), to(b"new"), dry_run=True).after == b"new"
    assert not missing.parent.exists()


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_first_file_gets_its_directories_as_keras_makes_them(tmp_path, umask):
    ours, theirs = tmp_path / "ours" / ".keras", tmp_path / "theirs" / ".keras"
    before = os.umask(umask)
    try:
        change = update(str(ours / "keras.json"), to(b"{}"))
        os.makedirs(theirs)
        (theirs / "keras.json").write_bytes(b"{}")
    finally:
        os.umask(before)
    assert (change.before, change.after, change.written) == (None, b"{}", True)
    for name in (".", "keras.json", ".."):
        assert (ours / name).stat().st_mode == (theirs / name).stat().st_mode
    assert names(ours) == ["keras.json"]


def test_with_a_permissive_umask_our_directory_is_still_one_that_we_trust(tmp_path):
    before = os.umask(0)
    try:
        update(str(tmp_path / "a" / "b" / "keras.json"), to(b"{}"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o775


def test_in_a_shared_directory_ours_is_private(tmp_path):
    """As /tmp/.keras in /tmp."""
    tmp_path.chmod(0o1777)
    update(str(tmp_path / ".keras" / "keras.json"), to(b"{}"))
    assert stat.S_IMODE((tmp_path / ".keras").stat().st_mode) == 0o700


def test_nothing_is_created_for_nothing(tmp_path):
    change = update(str(tmp_path / "none" / "keras.json"), to(None))
    assert (change.before, change.after, change.written) == (None, None, False)
    assert names(tmp_path) == []


def test_directories_made_for_a_write_that_failed_go_again(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(KcfgError, match="ENOSPC"):
        update(str(tmp_path / "a" / "b" / "keras.json"), to(b"{}"))
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, KcfgError])
def test_an_exception_of_the_edit_changes_nothing(tmp_path, file, error):
    def edit(_):
        raise error("no", where=None, keras=None, mend=None) if error is KcfgError else error

    with pytest.raises(error):
        update(str(file), edit)
    assert (file.read_bytes(), names(file.parent)) == (b"old", ["keras.json"])


def test_a_backup_is_made_and_none_is_ever_overwritten(file):
    first = update(str(file), to(b"new"), backup=True)
    assert first.backup == f"{file}.bak"
    second = update(str(file), to(b"newer"), backup=lambda data: data == b"new")
    assert second.backup == f"{file}.bak.1"
    third = update(str(file), to(b"newest"), backup=lambda data: data == b"old")
    assert third.backup is None
    assert (file.parent / "keras.json.bak").read_bytes() == b"old"
    assert (file.parent / "keras.json.bak.1").read_bytes() == b"new"
    assert names(file.parent) == ["keras.json", "keras.json.bak", "keras.json.bak.1"]


def test_no_backup_is_left_of_a_write_that_failed(file, monkeypatch):
    monkeypatch.setattr(os, "replace", _fail)
    with pytest.raises(KcfgError, match="EIO"):
        update(str(file), to(b"new"), backup=True)
    assert (file.read_bytes(), names(file.parent)) == (b"old", ["keras.json"])


def _fail(*_, **__):
    raise OSError(5, "input/output error")


# --- what stays ---------------------------------------------------------------------------------


@needs_attributes
def test_mode_and_attributes_stay(file):
    file.chmod(0o640)
    os.setxattr(file, "user.origin", b"mine")
    update(str(file), to(b"new"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.getxattr(file, "user.origin") == b"mine"


@needs_root
def test_owner_stays(file):
    os.chown(file, 1234, 4321)
    update(str(file), to(b"new"), force=True)
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 4321)


def test_a_link_stays_and_its_target_changes(tmp_path, file):
    """As with stow and chezmoi."""
    link = tmp_path / "keras.json"
    link.symlink_to("home/.keras/keras.json")
    change = update(str(link), to(b"new"))
    assert link.is_symlink()
    assert (change.path, change.target) == (str(link), str(file))
    assert file.read_bytes() == b"new"
    assert names(tmp_path) == ["home", "keras.json"]


def test_a_dangling_link_gets_its_target(tmp_path):
    link = tmp_path / "keras.json"
    link.symlink_to("real.json")
    update(str(link), to(b"new"))
    assert link.is_symlink()
    assert (tmp_path / "real.json").read_bytes() == b"new"


def test_other_hard_links_keep_the_old_text_and_that_is_told(file):
    os.link(file, file.parent / "other")
    change = update(str(file), to(b"new"))
    assert codes(change) == ["hard-linked"]
    assert "2 names" in change.notes[0].message
    assert (file.parent / "other").read_bytes() == b"old"


# --- what is refused ----------------------------------------------------------------------------


def make_fifo(path):
    os.mkfifo(path)


def make_circle(path):
    path.symlink_to(path.name)


def make_dangling(path):
    path.symlink_to("none/keras.json")


def make_huge(path):
    with path.open("wb") as huge:
        huge.truncate(original.LARGEST + 1)


def make_socket(path):
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path has to be short
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


@needs_fork
@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(make_fifo, "is a FIFO", id="fifo"),
        pytest.param(make_socket, "is a socket", id="socket"),
        pytest.param(os.mkdir, "a directory is in the place of the file", id="directory"),
        pytest.param(make_circle, "links lead in a circle", id="links-in-a-circle"),
        pytest.param(make_dangling, "is a link to none/keras.json, but", id="dangling"),
        pytest.param(make_huge, "is larger than 16 MiB", id="too-large"),
    ],
)
def test_what_is_no_file_of_ours_is_one_clear_line(tmp_path, make, words):
    path = tmp_path / "keras.json"
    make(path)
    began = time.monotonic()
    with pytest.raises(KcfgError, match=words) as caught:
        update(str(path), to(b"new"), force=True)
    assert time.monotonic() - began < 5
    assert caught.value.status == 2
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.mend
    assert names(tmp_path) == ["keras.json"]


def test_a_dry_run_refuses_a_link_that_leads_nowhere(tmp_path):
    path = tmp_path / "keras.json"
    make_dangling(path)
    with pytest.raises(KcfgError, match="is a link to none/"):
        update(str(path), to(b"new"), dry_run=True)


def test_a_directory_that_is_a_file_is_told(tmp_path):
    (tmp_path / "home").write_bytes(b"")
    for path in (tmp_path / "home" / "keras.json", tmp_path / "home" / "a" / "keras.json"):
        with pytest.raises(KcfgError, match="a part of the path is a file"):
            update(str(path), to(b"new"))


def test_what_others_may_change_is_refused_and_force_overrides(file):
    file.parent.chmod(0o777)
    with pytest.raises(KcfgError) as caught:
        update(str(file), to(b"new"), retry_hint="kcfg set --force floatx float16")
    text = str(caught.value)
    assert text.startswith(f"{file.parent}: everybody may change it (mode 0777)")
    assert "`kcfg set --force floatx float16`" in text
    assert f"`chmod o-w {file.parent}`" in text
    assert file.read_bytes() == b"old"
    change = update(str(file), to(b"new"), force=True)
    assert codes(change) == ["untrusted-mode"]
    assert file.read_bytes() == b"new"


def test_no_directory_is_made_where_others_may_change(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(KcfgError, match="everybody may change it"):
        update(str(tmp_path / "open" / ".keras" / "keras.json"), to(b"{}"))
    assert names(tmp_path / "open") == []


@needs_root
def test_another_users_link_is_not_followed(tmp_path, file):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    link = shared / ".keras"
    link.symlink_to(file.parent)
    os.chown(link, 65534, 65534, follow_symlinks=False)
    with pytest.raises(KcfgError, match="a link that another user put"):
        update(str(link / "keras.json"), to(b"new"))
    assert file.read_bytes() == b"old"


# --- who else is there --------------------------------------------------------------------------


def test_a_change_between_reading_and_renaming_is_not_lost(file):
    """Somebody who takes no lock, such as an editor."""
    seen = []

    def edit(data):
        seen.append(data)
        if len(seen) == 1:
            file.write_bytes(b"foreign")
        return data + b" and ours"

    change = update(str(file), edit)
    assert seen == [b"old", b"foreign"]
    assert change.before == b"foreign"
    assert file.read_bytes() == b"foreign and ours"
    assert names(file.parent) == ["keras.json"]


def test_a_change_of_the_same_size_at_the_same_time_is_seen_too(file):
    seen = []

    def edit(data):
        seen.append(data)
        if len(seen) == 1:
            before = file.stat()
            file.write_bytes(b"OLD")
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        return data + b"!"

    update(str(file), edit)
    assert file.read_bytes() == b"OLD!"


@pytest.mark.parametrize("foreign", ["replaced", "removed", "created"])
def test_a_file_that_others_replace_remove_or_create_meanwhile(tmp_path, file, foreign):
    seen = []
    if foreign == "created":
        file.unlink()

    def edit(data):
        seen.append(data)
        if len(seen) == 1:
            if foreign == "removed":
                file.unlink()
            else:
                (tmp_path / "new").write_bytes(b"theirs")
                (tmp_path / "new").replace(file)
        return (data or b"none") + b"!"

    update(str(file), edit)
    expected = b"none!" if foreign == "removed" else b"theirs!"
    assert file.read_bytes() == expected
    assert names(file.parent) == ["keras.json"]


def test_a_file_that_never_stops_changing_ends_in_an_error(file):
    def edit(data):
        file.write_bytes(os.urandom(8))
        return data + b"!"

    with pytest.raises(KcfgError, match="another program changed it 20 times"):
        update(str(file), edit)
    assert names(file.parent) == ["keras.json"]


def test_what_a_first_import_keras_overwrites_is_written_again(file, monkeypatch):
    """It looks whether the file exists, and then writes its defaults, without a lock."""
    real = Folder.sync
    defaults = [b"defaults"]

    def sync(self):
        confirmed = real(self)
        if defaults:
            file.write_bytes(defaults.pop())
        return confirmed

    monkeypatch.setattr(Folder, "sync", sync)
    update(str(file), lambda data: data + b" and ours")
    assert file.read_bytes() == b"defaults and ours"


def test_an_empty_file_that_was_just_made_is_looked_at_again(file):
    """`open(path, "w")` of a first `import keras` shows one for a moment."""
    file.write_bytes(b"")

    def fill():
        time.sleep(0.2)
        file.write_bytes(b"defaults")

    thread = threading.Thread(target=fill)
    thread.start()
    change = update(str(file), lambda data: data + b"!")
    thread.join()
    assert change.before == b"defaults"
    assert file.read_bytes() == b"defaults!"


def test_an_empty_file_that_stays_empty_is_taken_as_it_is(file):
    file.write_bytes(b"")
    os.utime(file, (1, 1))
    began = time.monotonic()
    assert update(str(file), to(b"new")).before == b""
    assert time.monotonic() - began < 1


def test_a_directory_that_was_replaced_while_we_waited_is_opened_again(tmp_path, file, monkeypatch):
    real = store.Lock.take_folder
    moved = []

    def take(self):
        if not moved:
            moved.append(file.parent.rename(tmp_path / "old"))
            file.parent.mkdir()
            file.write_bytes(b"fresh")
        return real(self)

    monkeypatch.setattr(store.Lock, "take_folder", take)
    update(str(file), lambda data: data + b"!")
    assert file.read_bytes() == b"fresh!"
    assert (tmp_path / "old" / "keras.json").read_bytes() == b"old"


def test_what_a_killed_writer_left_is_swept(file):
    (file.parent / f".keras.json.{'a' * 16}.kcfg-tmp").write_bytes(b"half")
    update(str(file), to(b"new"))
    assert names(file.parent) == ["keras.json"]


def test_a_writer_killed_behind_the_link_is_swept_too(tmp_path):
    """A first file is linked to its name; death between link and unlink leaves both names."""
    path = tmp_path / "keras.json"
    temporary = tmp_path / f".keras.json.{'b' * 16}.kcfg-tmp"
    temporary.write_bytes(b"{}")
    os.link(temporary, path)
    change = update(str(path), to(b"new"))
    assert codes(change) == []  # no hard link of the user's
    assert names(tmp_path) == ["keras.json"]


def test_no_locks_here_is_a_note(file, monkeypatch):
    monkeypatch.setattr(store.Lock, "take_folder", lambda _: False)
    change = update(str(file), to(b"new"))
    assert (codes(change), change.written) == (["no-lock"], True)


def test_a_network_home_gets_the_second_lock(file, monkeypatch):
    taken = []
    real = store.Lock.take_file

    def take(self, fd):
        taken.append(os.path.samestat(os.fstat(fd), file.stat()))
        return real(self, fd)

    monkeypatch.setattr(store, "is_on_network", lambda _: True)
    monkeypatch.setattr(store.Lock, "take_file", take)
    update(str(file), to(b"new"))
    assert taken == [True]
    assert file.read_bytes() == b"new"


def test_on_a_network_home_a_young_leftover_may_be_anothers(file, monkeypatch):
    monkeypatch.setattr(store, "is_on_network", lambda _: True)
    young = file.parent / f".keras.json.{'a' * 16}.kcfg-tmp"
    old = file.parent / f".keras.json.{'b' * 16}.kcfg-tmp"
    young.write_bytes(b"")
    old.write_bytes(b"")
    os.utime(old, (1, 1))
    update(str(file), to(b"new"))
    assert names(file.parent) == [young.name, "keras.json"]


def test_the_way_without_descriptors_of_directories(tmp_path, file, monkeypatch):
    """Windows."""
    monkeypatch.setattr(system, "HAS_DIR_FD", False)
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert update(str(file), to(b"new"), backup=True).written
    assert (file.read_bytes(), names(file.parent)) == (b"new", ["keras.json", "keras.json.bak"])
    first = tmp_path / "a" / "keras.json"
    update(str(first), to(b"{}"))
    assert (first.read_bytes(), names(first.parent)) == (b"{}", ["keras.json"])


# --- failures of the system ---------------------------------------------------------------------


def test_a_name_that_the_disk_does_not_confirm_is_in_place_and_told(file, monkeypatch):
    monkeypatch.setattr(Folder, "sync", _fail)
    with pytest.raises(KcfgError, match="written and in place, but the disk did not confirm it"):
        update(str(file), to(b"new"))
    assert file.read_bytes() == b"new"


def test_a_filesystem_that_cannot_confirm_is_a_note(file, monkeypatch):
    monkeypatch.setattr(Folder, "sync", lambda _: False)
    change = update(str(file), to(b"new"))
    assert (codes(change), file.read_bytes()) == (["not-confirmed"], b"new")


def test_an_error_at_close_counts(file, monkeypatch):
    """NFS and quotas may tell of a full disk only there."""
    real = os.close

    def close(fd):
        is_temporary = stat.S_ISREG(os.fstat(fd).st_mode) and len(names(file.parent)) == 2
        real(fd)
        if is_temporary:
            raise OSError(28, "no space")

    monkeypatch.setattr(os, "close", close)
    with pytest.raises(KcfgError, match="ENOSPC"):
        update(str(file), to(b"new"))
    assert (file.read_bytes(), names(file.parent)) == (b"old", ["keras.json"])


def test_a_short_write_is_continued(file, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    update(str(file), to(b"longer than three"))
    assert file.read_bytes() == b"longer than three"


@needs_fork
def test_a_limit_on_the_size_of_files_is_told(file):
    script = (
        "import resource, sys\n"
        "from kcfg.problems import KcfgError\n"
        "from kcfg.store import update\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try: update(sys.argv[1], lambda _: b'x' * 200)\n"
        "except KcfgError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, check=True)
    assert b"(EFBIG)" in ran.stdout
    assert (file.read_bytes(), names(file.parent)) == (b"old", ["keras.json"])


# --- a long life --------------------------------------------------------------------------------

KEYS = st.sampled_from(["floatx", "epsilon", "backend", "nnx_enabled"])
LITERALS = st.sampled_from(['"float16"', "1e-07", "true", "0.5", '"é"'])


class LongLife(RuleBasedStateMachine):
    """Sets, unsets, foreign edits, leftovers and links, in any order; a dict is the model."""

    def __init__(self):
        super().__init__()
        import tempfile

        self.place = tempfile.TemporaryDirectory()
        self.directory = os.path.join(self.place.name, ".keras")
        self.path = os.path.join(self.directory, "keras.json")
        self.model = None
        self.foreign = 0

    def teardown(self):
        self.place.cleanup()

    def content(self):
        with open(self.path, "rb") as file:
            return file.read()

    @initialize(exists=st.booleans())
    def begin(self, exists):
        if exists:
            os.mkdir(self.directory)
            with open(self.path, "wb") as file:
                file.write(b'{\r\n  "mine": [1, {"floatx": 2}],\r\n  "floatx": "float32"\r\n}')
            self.model = {"mine": "mine", "floatx": '"float32"'}

    @rule(key=KEYS, literal=LITERALS)
    def set(self, key, literal):
        def edit(data):
            text = document.read(data or b"{\n}\n")
            return document.encode(
                document.apply(text.text, document.set_members(text, {key: literal}))
            )

        change = update(self.path, edit)
        assert change.written == ((self.model or {}).get(key) != literal)
        self.model = (self.model or {}) | {key: literal}

    @rule(key=KEYS)
    def unset(self, key):
        def edit(data):
            if data is None:
                return None
            text = document.read(data)
            return document.encode(document.apply(text.text, document.unset_members(text, [key])))

        before = None if self.model is None else self.content()
        change = update(self.path, edit)
        assert change.written == (key in (self.model or {}))
        if not change.written and before is not None:
            assert self.content() == before
        if self.model is not None:
            self.model.pop(key, None)

    @precondition(lambda self: self.model is not None)
    @rule()
    def foreign_edit(self):
        text = self.content().decode()
        at = text.rindex("}")
        comma = "," if self.model else ""
        self.foreign += 1
        number = self.foreign
        with open(self.path, "wb") as file:
            file.write(f'{text[:at].rstrip()}{comma}\n  "foreign{number}": 1}}'.encode())
        self.model[f"foreign{number}"] = "1"

    @precondition(lambda self: self.model is not None)
    @rule(digits=st.sampled_from("abc"))
    def killed_writer(self, digits):
        target = os.path.basename(os.path.realpath(self.path))
        name = f".{target}.{digits * 16}.kcfg-tmp"
        with open(os.path.join(self.directory, name), "wb") as file:
            file.write(b'{"half')
        update(self.path, lambda data: data)  # the next writer sweeps

    @precondition(lambda self: self.model is not None and not os.path.islink(self.path))
    @rule()
    def becomes_a_link(self):
        os.rename(self.path, os.path.join(self.directory, "real.json"))
        os.symlink("real.json", self.path)

    @invariant()
    def the_file_says_what_the_model_says(self):
        if self.model is None:
            assert not os.path.exists(self.path)
            return
        found = document.read(self.content())
        assert found.fault is None
        values = {member.key: member.literal for member in found.members}
        if "mine" in values:
            assert values["mine"] == '[1, {"floatx": 2}]'
            values["mine"] = "mine"
        assert values == self.model
        assert len(json.loads(self.content())) == len(found.members)

    @invariant()
    def nothing_else_is_there(self):
        if os.path.isdir(self.directory):
            expected = {"keras.json"} if self.model is not None else set()
            if os.path.islink(self.path):
                expected.add("real.json")
            assert set(os.listdir(self.directory)) == expected


TestLongLife = LongLife.TestCase
TestLongLife.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
