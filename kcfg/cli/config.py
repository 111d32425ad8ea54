"""The commands that read the configuration: one thin function each. Exit status out.

Both doors call these: the quick one of `kcfg.__main__` and the Typer application of `kcfg.cli.app`.
What only some of them need is imported in their bodies, since `get` is called from shell loops.
"""

from __future__ import annotations

import os

from kcfg.cli.boundary import is_terminal, put, put_bytes, say, say_lines
from kcfg.problems import KcfgError
from kcfg.situation import observe
from kcfg.world import real_world

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.situation import Situation


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
        from kcfg.cli.render import lines

        put(lines.show(situation))
        for problem in problems:
            say_lines(lines.problem(problem))
        _say_failure(situation)
    return 1 if situation.resolution.failure else 0


def get(key: str, *, json: bool = False, file: str | None = None, keras: str | None = None) -> int:
    """`kcfg get KEY`: one effective value, alone. 1 where `import keras` would fail."""
    from kcfg.keras import names

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
        from kcfg.cli.render import lines

        put(lines.value(value) + "\n")
    if situation.reading.ignored is not None:
        from kcfg.checks.found import file_option, kcfg

        say(
            f"kcfg: {situation.discovery.path}: this text is not JSON, and Keras "
            f"{situation.rules.version} ignores it without a word; see "
            f"{kcfg(situation, 'check', *file_option(situation))}"
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
    elif explain or is_terminal():
        from kcfg.cli.render import lines

        found = situation.discovery
        put(lines.places(found) if explain else lines.value(found.path) + "\n")
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
        from kcfg.cli.render import lines

        raise KcfgError(
            lines.failure(situation) or "",
            where=situation.discovery.path,
            keras=None,
            mend="mend it (kcfg check), or name the dtype",
            status=1,
        )
    return str(held)


def schema(*, keras: str | None = None) -> int:
    """`kcfg schema`: JSON Schema of this release's keras.json."""
    from kcfg.cli.render import json_document
    from kcfg.schema import json_schema

    put(json_document.document(json_schema(observe(real_world(), keras=keras).rules)))
    return 0


def _say_failure(situation: Situation) -> None:
    if situation.resolution.failure is not None:
        from kcfg.cli.render import lines

        say(f"kcfg: {situation.discovery.path}: {lines.failure(situation)}")
