"""The commands that write keras.json: one thin function each. Exit status out."""

from __future__ import annotations

import os

from kcfg import document, schema
from kcfg.checks.backends import backend_not_installed
from kcfg.checks.found import file_option, kcfg
from kcfg.checks.mending import holding
from kcfg.cli.boundary import put, say, say_lines
from kcfg.cli.render import lines
from kcfg.cli.writing import Writing, is_no_object, update, with_force
from kcfg.problems import WARNING, KcfgError
from kcfg.situation import observe
from kcfg.world import real_world

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.document import Document
    from kcfg.situation import Situation
    from kcfg.store import Change


def set_(
    arguments: list[str],
    writing: Writing,
    *,
    file: str | None = None,
    keras: str | None = None,
) -> int:
    """`kcfg set KEY VALUE...`: judge all, then write once, or not at all."""
    situation = observe(real_world(), keras=keras, file=file)
    advise = kcfg(situation, "set", *file_option(situation))
    values = schema.accept(situation.rules, pairs(arguments), force=writing.force, advise=advise)

    def edit(data: bytes | None) -> bytes:
        text = _editable(situation, data, force=writing.force)
        literals = {name: schema.literal(value) for name, value in values.items()}
        return document.encode(document.apply(text.text, document.set_members(text, literals)))

    change = update(
        situation.discovery.path, edit, writing, retry=with_force(["set"], arguments, file, keras)
    )
    _say_changes(situation, change, tuple(values))
    for name, value in values.items():
        if name == "epsilon" and value == 0:
            say("kcfg: warning: epsilon: 0 protects no division and no logarithm")
        _say_if_variable_wins(situation, name)
    if change.after is not None:
        _say_if_import_fails(holding(situation, change.after), tuple(values))
    return 0


def unset(
    keys: list[str],
    writing: Writing,
    *,
    file: str | None = None,
    keras: str | None = None,
) -> int:
    """`kcfg unset KEY...`: back to Keras's defaults. A key that Keras doesn't know goes, too."""
    situation = observe(real_world(), keras=keras, file=file)
    mapping = situation.reading.mapping or {}
    removed = tuple(
        name if name in mapping else schema.key_for_writing(situation.rules, name).name
        for name in dict.fromkeys(keys)
    )

    def edit(data: bytes | None) -> bytes | None:
        if data is None:
            return None
        text = _editable(situation, data, force=writing.force)
        return document.encode(document.apply(text.text, document.unset_members(text, removed)))

    change = update(
        situation.discovery.path, edit, writing, retry=with_force(["unset"], keys, file, keras)
    )
    _say_changes(situation, change, removed)
    return 0


def init(
    directory: str | None,
    writing: Writing,
    *,
    file: str | None = None,
    keras: str | None = None,
) -> int:
    """`kcfg init [DIR]`: the file that Keras itself would write, if there is none."""
    from kcfg.keras.first_run import first_file

    world = real_world()
    if directory is not None and file is not None:
        raise KcfgError("give a DIR or --file, not both", where="init", keras=None, mend=None)
    if directory == "":
        raise KcfgError("the path is empty", where="DIR", keras=None, mend="name a directory")
    place = file if directory is None else world.join(directory, "keras.json")
    situation = observe(world, keras=keras, file=place)
    first = first_file(situation.rules)
    change = update(
        situation.discovery.path,
        lambda data: first if data is None or (writing.force and is_no_object(data)) else data,
        writing,
        retry=with_force(["init"], [directory] if directory else [], file, keras),
    )
    if change.before == change.after:
        say(f"kcfg: {change.path}: it is there already, and stays as it is")
    elif not writing.dry_run:
        say(f"kcfg: {change.path}: written, with the defaults of Keras {situation.rules.version}")
    if directory is not None and not writing.dry_run:
        put(export_line("KERAS_HOME", world.absolute(directory)) + "\n")
    return 0


def export_line(name: str, value: str) -> str:
    """A line for a POSIX shell that sets and exports a variable."""
    from shlex import quote

    return f"export {name}={quote(value)}"


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
        put_once(found, key, text)
    return found


def put_once(found: dict[str, str], key: str, text: str) -> None:
    """Take a value that was given for a key. Raises KcfgError if another one was given before."""
    if found.setdefault(key, text) != text:
        raise KcfgError(
            f"two values are given, {found[key]!r} and {text!r}",
            where=key,
            keras=None,
            mend="give one",
        )


def _editable(situation: Situation, data: bytes | None, *, force: bool) -> Document:
    """The text to edit; an empty object where there is no file, or by force no JSON object.

    Raises KcfgError where it can't be edited, with the place of the fault.
    """
    found = document.read(_EMPTY if data is None else data)
    if found.fault is None and found.kind == "object":
        return found
    if force:
        return document.read(_EMPTY)
    path = situation.discovery.path
    line, column = found.position(found.fault.offset if found.fault else found.opening)
    command = kcfg(situation, "check", "--fix", *file_option(situation))
    raise KcfgError(
        found.fault.message if found.fault else f"this is JSON, but no object: {found.kind}",
        where=f"{path}:{line}:{column}",
        keras=None,
        mend=f"nothing was written; mend it ({command}), or give --force to put a new file in its "
        f"place and keep this one as {os.path.basename(path)}.bak",
    )


_EMPTY = b"{\n}\n"


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
            if name not in situation.rules.defaults:
                say(f"{name}: {old} (removed; Keras does not read it)")
            elif old != new:
                say(f"{name}: {old} -> {new}")
            elif name in before:
                say(f"{name}: {old} ({'unchanged' if name in after else 'still, by default'})")
            else:
                say(f"{name}: {old} (still, now in the file)")
        else:
            say(f"{name}: not in {change.path}")


def _say_if_import_fails(after: Situation, keys: tuple[str, ...]) -> None:
    """As Keras's own code would, or since the backend that was set is not installed beside it."""
    failure = lines.failure(after)
    if failure is not None:
        say(f"kcfg: warning: {after.discovery.path}: {failure}")
    elif "backend" in keys and after.resolution.values["backend"].variable is None:
        for found in backend_not_installed(after):
            if found.severity == WARNING:
                say_lines(lines.problem(found))


def _say_if_variable_wins(situation: Situation, name: str) -> None:
    held = situation.resolution.values[name]
    if held.variable is not None:
        said = situation.world.env[held.variable]
        say(f"kcfg: warning: {held.variable}={said} is set: Keras will not see this {name}")
