"""The configuration commands: one thin function each. Plain arguments in, exit status out.

Both doors call these: the quick one of `kcfg.__main__` and the Typer application of `kcfg.cli.app`.
What only the writers need is imported in their bodies, since `get` is called from shell loops.
"""

from __future__ import annotations

import os

from kcfg.cli.boundary import is_terminal, put, put_bytes, say
from kcfg.cli.render import lines
from kcfg.keras import names
from kcfg.problems import KcfgError
from kcfg.situation import observe
from kcfg.world import real_world

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from kcfg.document import Document
    from kcfg.problems import Problem
    from kcfg.situation import Situation
    from kcfg.store import Change


def show(*, json: bool = False, file: str | None = None, keras: str | None = None) -> int:
    """`kcfg show`: every key, then what is wrong. 1 where `import keras` would fail."""
    from kcfg.checks.quick import run

    situation = observe(real_world(), keras=keras, file=file)
    problems = run(situation)
    if json:
        from kcfg.cli.render import json_document

        put(json_document.show(situation, problems))
    elif is_terminal():
        from kcfg.cli.render import terminal

        terminal.show(situation, problems)
    else:
        put(lines.show(situation))
        for problem in problems:
            _say_problem(problem)
        _say_failure(situation)
    return 1 if situation.resolution.failure else 0


def get(key: str, *, json: bool = False, file: str | None = None, keras: str | None = None) -> int:
    """`kcfg get KEY`: one effective value, alone. 1 where `import keras` would fail."""
    situation = observe(real_world(), keras=keras, file=file)
    real = names.real_key(situation.rules, key)
    if real is None:
        from kcfg.schema import key_for_writing

        real = key_for_writing(situation.rules, key).name  # raises: it says what was meant
    value = names.as_named(key, situation.resolution.values[real].value)
    if json:
        from kcfg.cli.render import json_document

        put(json_document.get(situation, key, real, value))
    elif value is not None:
        put(lines.value(value) + "\n")
    if situation.reading.ignored is not None:
        say(
            f"kcfg: {situation.discovery.path}: this text is not JSON, and Keras "
            f"{situation.rules.version} ignores it without a word; see kcfg check"
        )
    _say_failure(situation)
    return 1 if situation.resolution.failure else 0


def path(
    *,
    explain: bool = False,
    json: bool = False,
    file: str | None = None,
    keras: str | None = None,
) -> int:
    """`kcfg path`: the file's path, alone; `--explain`: each rule, and why it was chosen or not."""
    situation = observe(real_world(), keras=keras, file=file)
    if json:
        from kcfg.cli.render import json_document

        put(json_document.path(situation))
    elif explain and is_terminal():
        from kcfg.cli.render import terminal

        terminal.places(situation)
    elif explain:
        put(lines.places(situation.discovery))
    elif is_terminal():
        put(lines.value(situation.discovery.path) + "\n")
    else:
        put_bytes(os.fsencode(situation.discovery.path) + b"\n")
    return 0


def floatx(*, file: str | None = None, keras: str | None = None) -> str:
    """The floatx that Keras would hold, for `kcfg cast` without DTYPE.

    Raises KcfgError, status 1, where `import keras` fails before it holds one.
    """
    situation = observe(real_world(), keras=keras, file=file)
    held = situation.resolution.values["floatx"].value
    if held is None:
        raise KcfgError(
            lines.failure(situation) or "",
            where=situation.discovery.path,
            keras=None,
            mend="mend it (kcfg check), or name the dtype",
            status=1,
        )
    return str(held)


def set_(
    arguments: list[str],
    *,
    dry_run: bool = False,
    force: bool = False,
    lock_timeout: float = 10.0,
    file: str | None = None,
    keras: str | None = None,
) -> int:
    """`kcfg set KEY VALUE...`: judge all, then write once, or not at all."""
    from kcfg import document, schema

    situation = observe(real_world(), keras=keras, file=file)
    values = schema.accept(situation.rules, pairs(arguments), force=force)

    def edit(data: bytes | None) -> bytes:
        text = _editable(situation, data, force=force)
        literals = {name: schema.literal(value) for name, value in values.items()}
        return document.encode(document.apply(text.text, document.set_members(text, literals)))

    change = _update(
        situation,
        edit,
        dry_run=dry_run,
        force=force,
        lock_timeout=lock_timeout,
        retry=_with_force("set", arguments, file, keras),
    )
    _say_changes(situation, change, tuple(values))
    for name, value in values.items():
        if name == "epsilon" and value == 0:
            say("kcfg: warning: epsilon: 0 protects no division and no logarithm")
        _say_if_variable_wins(situation, name)
    return 0


def unset(
    keys: list[str],
    *,
    dry_run: bool = False,
    force: bool = False,
    lock_timeout: float = 10.0,
    file: str | None = None,
    keras: str | None = None,
) -> int:
    """`kcfg unset KEY...`: back to Keras's defaults. A key that Keras doesn't know goes, too."""
    from kcfg import document, schema

    situation = observe(real_world(), keras=keras, file=file)
    mapping = situation.reading.mapping or {}
    removed = tuple(
        name if name in mapping else schema.key_for_writing(situation.rules, name).name
        for name in keys
    )

    def edit(data: bytes | None) -> bytes | None:
        if data is None:
            return None
        text = _editable(situation, data, force=force)
        return document.encode(document.apply(text.text, document.unset_members(text, removed)))

    change = _update(
        situation,
        edit,
        dry_run=dry_run,
        force=force,
        lock_timeout=lock_timeout,
        retry=_with_force("unset", keys, file, keras),
    )
    _say_changes(situation, change, removed)
    return 0


def init(
    directory: str | None = None,
    *,
    dry_run: bool = False,
    force: bool = False,
    lock_timeout: float = 10.0,
    file: str | None = None,
    keras: str | None = None,
) -> int:
    """`kcfg init [DIR]`: the file that Keras itself would write, if there is none."""
    from kcfg.keras.first_run import first_file

    world = real_world()
    if directory is not None and file is not None:
        raise KcfgError("give a DIR or --file, not both", where="init", keras=None, mend=None)
    place = file if directory is None else world.join(directory, "keras.json")
    situation = observe(world, keras=keras, file=place)
    first = first_file(situation.rules)
    change = _update(
        situation,
        lambda data: first if data is None else data,
        dry_run=dry_run,
        force=force,
        lock_timeout=lock_timeout,
        retry=_with_force("init", [directory] if directory else [], file, keras),
    )
    if change.before is not None:
        say(f"kcfg: {change.path}: it is there already, and stays as it is")
    elif not dry_run:
        say(f"kcfg: {change.path}: written, with the defaults of Keras {situation.rules.version}")
    if directory is not None:
        put(export_line("KERAS_HOME", world.absolute(directory)) + "\n")
    return 0


def schema(*, keras: str | None = None) -> int:
    """`kcfg schema`: JSON Schema of this release's keras.json."""
    from kcfg.cli.render import json_document
    from kcfg.schema import json_schema

    put(json_document.document(json_schema(observe(real_world(), keras=keras).rules)))
    return 0


def export_line(name: str, value: str) -> str:
    """A line for a POSIX shell that sets and exports a variable."""
    from shlex import quote

    return f"export {name}={quote(value)}"


def _with_force(command: str, arguments: list[str], file: str | None, keras: str | None) -> str:
    """The command line that the user gave, with --force: ready to be pasted."""
    from shlex import join

    options = [("--file", file), ("--keras", keras)]
    given = [word for name, text in options if text is not None for word in (name, text)]
    return join(["kcfg", command, *arguments, *given, "--force"])


def pairs(arguments: list[str]) -> dict[str, str]:
    """KEY VALUE and KEY=VALUE, in any mixture, as a mapping.

    Raises KcfgError for a key without a value, and for a key given twice with different values.
    """
    found: dict[str, str] = {}
    rest = iter(arguments)
    for word in rest:
        key, equals, text = word.partition("=")
        if not equals:
            given = next(rest, None)
            if given is None:
                raise KcfgError(
                    "no value is given", where=key, keras=None, mend=f"kcfg set {key} VALUE"
                )
            text = given
        if found.setdefault(key, text) != text:
            raise KcfgError(
                f"two values are given, {found[key]!r} and {text!r}",
                where=key,
                keras=None,
                mend="give one",
            )
    return found


def _editable(situation: Situation, data: bytes | None, *, force: bool) -> Document:
    """The text to edit; an empty object where there is no file, or by force no JSON object.

    Raises KcfgError where it can't be edited, with the place of the fault.
    """
    from kcfg import document

    found = document.read(_EMPTY if data is None else data)
    if found.fault is None and found.kind == "object":
        return found
    if force:
        return document.read(_EMPTY)
    line, column = found.position(found.fault.offset if found.fault else found.opening)
    raise KcfgError(
        found.fault.message if found.fault else f"this is JSON, but no object: {found.kind}",
        where=f"{situation.discovery.path}:{line}:{column}",
        keras=None,
        mend="nothing was written; mend it (kcfg check --fix), or give --force to put a new file "
        "in its place and keep this one as keras.json.bak",
    )


def _not_editable(data: bytes) -> bool:
    """Whether a backup is due before these bytes are written over."""
    from kcfg import document

    found = document.read(data)
    return found.fault is not None or found.kind != "object"


_EMPTY = b"{\n}\n"


def _update(
    situation: Situation,
    edit: Callable[[bytes | None], bytes | None],
    *,
    dry_run: bool,
    force: bool,
    lock_timeout: float,
    retry: str,
) -> Change:
    """Lead an edit through the locked store, and tell what the store noticed.

    retry: the command line that overrides a refusal to trust the directory.
    """
    from kcfg.store import update

    change = update(
        situation.discovery.path,
        edit,
        force=force,
        lock_timeout=lock_timeout,
        dry_run=dry_run,
        backup=_not_editable,
        retry_hint=retry,
        notice=lambda text: say(f"kcfg: {text}"),
    )
    for note in change.notes:
        _say_problem(note)
    if dry_run:
        put(lines.diff(change))
    return change


def _say_changes(situation: Situation, change: Change, keys: tuple[str, ...]) -> None:
    """`floatx: float32 -> float16` for each key, as Keras sees it; a default where it isn't set."""
    from kcfg.keras.reading import interpret

    def held(data: bytes | None) -> dict[str, object]:
        return (interpret(situation.rules, data).mapping if data is not None else None) or {}

    before, after = held(change.before), held(change.after)
    for name in keys:
        default = situation.rules.defaults.get(name)
        old, new = (lines.value(said.get(name, default)) for said in (before, after))
        if name in before or name in after:
            if old != new:
                say(f"{name}: {old} -> {new}")
            elif name in before:
                say(f"{name}: {old} ({'unchanged' if name in after else 'still, by default'})")
            else:
                say(f"{name}: {old} (still, now in the file)")
        else:
            say(f"{name}: not in {change.path}")


def _say_if_variable_wins(situation: Situation, name: str) -> None:
    held = situation.resolution.values[name]
    if held.variable is not None:
        said = situation.world.env[held.variable]
        say(f"kcfg: warning: {held.variable}={said} is set: Keras will not see this {name}")


def _say_problem(problem: Problem) -> None:
    for line in lines.problem(problem).split("\n"):
        say(line)


def _say_failure(situation: Situation) -> None:
    told = lines.failure(situation)
    if told is not None:
        say(f"kcfg: {situation.discovery.path}: {told}")
