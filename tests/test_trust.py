import os

import pytest

from kcfg.trust import REFUSED, check_trust, trusted_owners
from tests.support.probes import needs_fork, needs_root

pytestmark = needs_fork

ME = frozenset({0, os.getuid()})
STRANGER = 65534


@pytest.fixture
def home(tmp_path):
    directory = tmp_path / "home" / ".keras"
    directory.mkdir(parents=True)
    (directory / "keras.json").write_bytes(b"{}")
    return directory


def codes(path, owners=ME):
    return [problem.code for problem in check_trust(str(path), owners)]


def test_a_home_as_it_should_be_is_silent(home):
    assert codes(home / "keras.json") == []


def test_what_does_not_exist_yet_is_judged_by_what_is_above(home):
    assert codes(home / "new.json") == []
    assert codes(home / "a" / "b" / "keras.json") == []
    home.chmod(0o777)
    assert codes(home / "a" / "b" / "keras.json") == ["untrusted-mode"]


@pytest.mark.parametrize(
    "which",
    [
        pytest.param(0, id="the-file"),
        pytest.param(1, id="the-directory"),
        pytest.param(2, id="above"),
    ],
)
def test_a_world_writable_place_is_not_trusted(home, which):
    place = [home / "keras.json", home, home.parent][which]
    place.chmod(0o777)
    (problem,) = check_trust(str(home / "keras.json"), ME)
    assert (problem.code, problem.path) == ("untrusted-mode", str(place))
    assert "0777" in problem.message
    assert problem.fix.command == f"chmod o-w {place}"


def test_where_chmod_is_not_allowed_it_is_not_advised(home, monkeypatch):
    home.chmod(0o777)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    (problem,) = check_trust(str(home / "keras.json"), ME)
    assert (problem.code, problem.fix) == ("untrusted-mode", None)


def test_a_device_is_no_file_that_somebody_could_change(home):
    (home / "null").symlink_to(os.devnull)
    assert codes(home / "null") == []


def test_a_sticky_directory_is_trusted_while_the_file_is_ours(home):
    home.chmod(0o1777)
    assert codes(home / "keras.json") == []
    assert codes(home / "new.json") == []


@needs_root
@pytest.mark.parametrize(
    "which",
    [
        pytest.param(0, id="the-file"),
        pytest.param(1, id="the-directory"),
        pytest.param(2, id="above"),
    ],
)
def test_another_user_is_not_trusted(home, which):
    place = [home / "keras.json", home, home.parent][which]
    os.chown(place, STRANGER, STRANGER)
    (problem,) = check_trust(str(home / "keras.json"), ME)
    assert (problem.code, problem.path) == ("untrusted-owner", str(place))
    assert str(STRANGER) in problem.message
    assert codes(home / "keras.json", ME | {STRANGER}) == []


@needs_root
def test_a_sticky_directory_protects_only_what_is_ours(home):
    home.chmod(0o1777)
    os.chown(home / "keras.json", STRANGER, STRANGER)
    assert codes(home / "keras.json") == ["untrusted-owner"]


@needs_root
def test_a_group_is_worth_a_note_unless_it_is_private(home):
    os.chown(home, 1234, 4321)
    home.chmod(0o775)
    (problem,) = check_trust(str(home / "keras.json"), ME | {1234})
    assert problem.code == "group-writable"
    assert problem.severity == "note"
    assert problem.code not in REFUSED
    os.chown(home, 1234, 1234)  # the user's own group: umask 002
    assert codes(home / "keras.json", ME | {1234}) == []


@needs_root
def test_a_group_further_up_is_the_systems_affair(home):
    os.chown(home.parent, 0, 4321)
    home.parent.chmod(0o2775)  # as /usr/local of Debian
    assert codes(home / "keras.json") == []


@needs_root
class TestLinks:
    @pytest.fixture
    def shared(self, tmp_path):
        directory = tmp_path / "shared"
        directory.mkdir()
        directory.chmod(0o1777)
        return directory

    def plant(self, link, target, owner):
        link.symlink_to(target)
        os.chown(link, owner, owner, follow_symlinks=False)

    def test_another_users_link_to_the_file(self, home, shared):
        self.plant(shared / "keras.json", home / "keras.json", STRANGER)
        assert codes(shared / "keras.json") == ["symlink-in-shared-directory"]

    def test_another_users_link_to_the_directory(self, home, shared):
        self.plant(shared / ".keras", home, STRANGER)
        (problem,) = check_trust(str(shared / ".keras" / "keras.json"), ME)
        assert problem.code == "symlink-in-shared-directory"
        assert problem.path == str(shared / ".keras")

    def test_a_chain_of_links(self, home, shared):
        self.plant(shared / "one", home, STRANGER)
        self.plant(home.parent / "two", shared / "one", os.getuid())
        assert codes(home.parent / "two" / "keras.json") == ["symlink-in-shared-directory"]

    def test_ones_own_link_is_fine(self, home, shared):
        self.plant(shared / ".keras", home, os.getuid())
        assert codes(shared / ".keras" / "keras.json") == []

    def test_another_users_link_elsewhere_is_judged_by_its_directory(self, home, tmp_path):
        self.plant(tmp_path / "link", home, STRANGER)
        assert codes(tmp_path / "link" / "keras.json") == []

    def test_a_relative_link_and_dots(self, home, shared, monkeypatch):
        self.plant(shared / ".keras", os.path.relpath(home, shared), STRANGER)
        monkeypatch.chdir(shared)
        assert codes(".keras/../.keras/keras.json") == ["symlink-in-shared-directory"]


def test_links_in_a_circle_end(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert codes(tmp_path / "a" / "keras.json") == []


def test_root_under_sudo_trusts_the_caller(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "1234")
    assert 1234 in trusted_owners()
    monkeypatch.setenv("SUDO_UID", "x")
    assert 1234 not in trusted_owners()
    monkeypatch.setattr(os, "geteuid", lambda: 77)
    monkeypatch.setenv("SUDO_UID", "1234")
    assert {0, 77} <= trusted_owners()
    assert 1234 not in trusted_owners()


def test_a_system_without_owners_has_nothing_to_say(home, monkeypatch):
    home.chmod(0o777)
    monkeypatch.delattr(os, "geteuid")
    assert check_trust(str(home / "keras.json")) == ()
