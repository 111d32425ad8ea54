"""`kcfg check`: what would Keras do with these files, or in this situation; mended on request."""

from __future__ import annotations

import os

from kcfg.checks import registry
from kcfg.cli.boundary import is_terminal, put, say
from kcfg.cli.render import checks as render
from kcfg.cli.render import github as workflow
from kcfg.cli.render import lines
from kcfg.cli.writing import Writing, put_diff, update, with_force
from kcfg.problems import ERROR, WARNING, KcfgError
from kcfg.record import Record
from kcfg.situation import observe
from kcfg.world import LARGEST, read_at_most, real_world

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from kcfg.problems import Problem
    from kcfg.situation import Situation
    from kcfg.world import World

    Edit = Callable[[bytes | None], bytes | None]


CHOOSERS = ("VIRTUAL_ENV", "CONDA_PREFIX", "TF_USE_LEGACY_KERAS")
"""The variables that say which environment's Keras judges; no others matter for a file alone."""


class Judged(Record):
    """One file, or the whole situation, and what was found."""

    situation: Situation
    problems: tuple[Problem, ...]
    path: str
    """Where to write: the file as the system knows it; "-" for standard input."""
    file_alone: bool

    @property
    def fails(self) -> bool:
        """`import keras` would raise."""
        return self.situation.resolution.failure is not None


def check(
    files: list[str],
    writing: Writing,
    *,
    fix: bool = False,
    unsafe_fixes: bool = False,
    strict: bool = False,
    json: bool = False,
    github: bool = False,
    file: str | None = None,
    keras: str | None = None,
) -> int:
    """Judge each of the files alone, or with none the whole situation; with `fix` mend them, too.

    1 where something is an error (with `strict`: or a warning), 2 where a file can't be judged.
    """
    _require_sense(files, file, fix=fix, unsafe_fixes=unsafe_fixes, dry_run=writing.dry_run)
    if json and github:
        raise _usage("--json and --github", "give one of them")
    if json and writing.dry_run:
        raise _usage("--json and -n", "-n prints a diff, which is no JSON: give one of them")
    found: list[Judged] = []
    status = 0
    names: list[str | None] = [*files] or [None]
    for name in names:
        try:
            judged = _judge(name, file=file, keras=keras)
            if fix:
                judged = _fix(judged, writing, unsafe=unsafe_fixes, file=file, keras=keras)
        except KcfgError as error:
            if len(files) < 2:
                raise
            say(f"kcfg: {error}")
            status = max(status, error.status)
            continue
        found.append(judged)
        if not json and not writing.dry_run:
            _show(judged, github=github)
    if json:
        put(render.document([(one.situation, one.problems) for one in found]))
    else:
        say(render.summary([(one.situation, one.problems) for one in found], mended=fix))
    bad = (ERROR, WARNING) if strict else (ERROR,)
    if any(one.fails or any(p.severity in bad for p in one.problems) for one in found):
        status = max(status, 1)
    return status


def list_checks(*, json: bool = False) -> int:
    """`kcfg check --list`: every check, a line each."""
    if not json and is_terminal():
        from kcfg.cli.render import terminal

        terminal.checks(registry.CHECKS)
    else:
        put(render.checks_document() if json else render.checks())
    return 0


def explain(code: str) -> int:
    """`kcfg check --explain CODE`: one check at length."""
    found = next((each for each in registry.CHECKS if each.code == code), None)
    if found is None:
        from kcfg.keras.names import near

        codes = [each.code for each in registry.CHECKS]
        holding = [each for each in codes if code.lower() in each]
        guess = " or ".join(holding) if 0 < len(holding) < 6 else near(code, codes)
        raise KcfgError(
            "there is no check of this name",
            where=code,
            keras=None,
            mend=f"did you mean {guess}?" if guess else "kcfg check --list names all",
        )
    put(render.explanation(found))
    return 0


def _require_sense(
    files: list[str], file: str | None, *, fix: bool, unsafe_fixes: bool, dry_run: bool
) -> None:
    if files and file is not None:
        raise _usage("FILE and --file", "give the files, or --file to judge the variables, too")
    if not fix and (unsafe_fixes or dry_run):
        option = "--unsafe-fixes" if unsafe_fixes else "-n"
        raise _usage(f"{option} without --fix", f"add --fix: kcfg check --fix {option}")
    if fix and not dry_run and "-" in files:
        raise _usage("--fix of standard input", "there is no file to mend; -n shows the changes")


def _usage(what: str, mend: str) -> KcfgError:
    return KcfgError(f"{what}: this can't be asked for", where=None, keras=None, mend=mend)


def _judge(name: str | None, *, file: str | None, keras: str | None) -> Judged:
    """Look at one file alone (`name`), or (None) at everything.

    Raises KcfgError where there is no such file, or it can't be read without waiting.
    """
    if name == "":
        raise KcfgError("the path is empty", where="FILE", keras=None, mend="name a keras.json")
    world = real_world()
    if name is None:
        situation = observe(world, keras=keras, file=file)
        return _judged(situation, situation.discovery.path, file_alone=False)
    kept = {variable: world.env[variable] for variable in CHOOSERS if variable in world.env}
    alone = world.replace(env=kept)
    if name == "-":
        return _judged(_standard_input(alone, keras), name, file_alone=True)
    # `./` so that Keras's own dirname, and a shell, find a directory in it.
    path = name if os.path.dirname(name) else os.path.join(os.curdir, name)
    situation = observe(alone, keras=keras, file=path)
    if not situation.discovery.exists:
        raise KcfgError(
            "there is no such file",
            where=name,
            keras=None,
            mend="kcfg check without FILE judges the one that Keras opens",
        )
    named = situation.replace(discovery=situation.discovery.replace(path=name))
    return _judged(named, path, file_alone=True)


def _standard_input(world: World, keras: str | None) -> Situation:
    from kcfg.checks.mending import holding

    try:
        data = read_at_most(0, LARGEST, "-")
    except OSError as error:
        raise KcfgError(
            f"standard input can't be read: {error.strerror}", where="-", keras=None, mend=None
        ) from error
    empty = observe(world, keras=keras, file=os.devnull)
    return holding(empty.replace(discovery=empty.discovery.replace(path="-")), data)


def _judged(situation: Situation, path: str, *, file_alone: bool) -> Judged:
    problems = registry.run(situation, file_alone=file_alone)
    return Judged(situation, problems, path, file_alone)


def _fix(
    judged: Judged, writing: Writing, *, unsafe: bool, file: str | None, keras: str | None
) -> Judged:
    """Mend one file, tell what was done, and judge what is there now."""
    from kcfg.checks.mending import holding, mend

    situation = judged.situation
    mended = mend(situation, unsafe=unsafe)
    if mended.blocked is not None:
        first_line = lines.problem(mended.blocked).partition("\n")[0]
        say(f"kcfg: not mended, since it would still be no JSON object: {first_line}")
    if mended.data is None:
        return judged

    def edit(data: bytes | None) -> bytes | None:
        nonlocal mended
        if data is None:  # somebody took the file away
            return None
        mended = mend(holding(situation, data), unsafe=unsafe)
        return mended.data

    if judged.path == "-":
        after = _preview(situation, edit)
    else:
        words = ["check", "--fix", *(["--unsafe-fixes"] if unsafe else [])]
        named = [situation.discovery.path] if judged.file_alone else []
        retry = with_force(words, named, file, keras)
        after = update(judged.path, edit, writing, retry=retry).after
    for problem in mended.problems:
        first_line = lines.problem(problem).partition("\n")[0]
        say(f"kcfg: {'would mend' if writing.dry_run else 'mended'} {first_line}")
    if after is None:
        return judged
    return _judged(holding(situation, after), judged.path, file_alone=judged.file_alone)


def _preview(situation: Situation, edit: Edit) -> bytes | None:
    """The same for standard input, where nothing can be written: a diff."""
    from kcfg.store import Change

    before = situation.reading.data
    after = edit(before)
    change = Change(
        path="-", target="-", is_link=False, before=before, after=after, written=False,
        backup=None, notes=(),
    )  # fmt: skip
    put_diff(change)
    return after


def _show(judged: Judged, *, github: bool) -> None:
    if github:
        put(workflow.commands(judged.problems, judged.situation.world.cwd))
    elif is_terminal():
        from kcfg.cli.render import terminal

        terminal.problems(judged.problems, judged.situation.document())
    else:
        put(lines.problems(judged.problems))
