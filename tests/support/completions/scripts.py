"""The data of `tree` put into the templates: a script for each shell, and the file it lies in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.support.completions.tree import FILES, Command, Option, Word, commands, values, words

DIRECTORY = Path(__file__).parents[3] / "completions"
TEMPLATES = Path(__file__).parent / "templates"
LISTED = ("version", "dtype", "axis", "shell", "code")
"""The kinds that are a plain list of words."""


def scripts() -> dict[str, str]:
    """Name of the file -> its text."""
    renderers: dict[str, Callable[[], dict[str, str]]] = {
        "kcfg.bash": _bash,
        "_kcfg": _zsh,
        "kcfg.fish": _fish,
        "kcfg.ps1": _powershell,
    }
    return {name: _filled(name, render()) for name, render in renderers.items()}


def _filled(name: str, data: dict[str, str]) -> str:
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    return re.sub(r"@([A-Z_]+)@", lambda found: data[found[1]], text)


def _texts(found: Iterable[Word]) -> list[str]:
    return [word.text for word in found]


def _bash() -> dict[str, str]:
    def case(pattern: str, what: str) -> str:
        return f"        {pattern}) {what} ;;"

    taking = [
        case(" | ".join(f'"{one.name} {name}"' for name in option.names), f"_kind={option.takes}")
        for one in commands()
        for option in one.options
        if option.takes
    ]
    options = [case(one.name or '""', f'_words="{_names(one)}"') for one in commands()]
    positional = []
    for one in commands():
        for place, kind in enumerate(one.positional):
            last = one.repeats and place == len(one.positional) - 1
            test = "" if last else f"(($2 == {place})) && "
            positional.append((one.name, f"{test}_kind={kind}"))
    lists = [case("key", _quoted(_texts(words("key"))))]
    lists += [case(kind, _quoted(_texts(words(kind)))) for kind in LISTED if words(kind)]
    return {
        "OPTION_TAKES": "\n".join(taking),
        "OPTIONS": "\n".join(options),
        "POSITIONAL": "\n".join(
            case(name, "; ".join(what for owner, what in positional if owner == name))
            for name in dict.fromkeys(owner for owner, _ in positional)
        ),
        "WORDS": "\n".join(lists),
        "VALUES": "\n".join(case(key, _quoted(_texts(w))) for key, w in values().items() if w),
        "FILES": "\n".join(
            f"        {kind}) __kcfg_offer_files '{glob}' ;;" for kind, glob in FILES.items()
        ),
        "COMMANDS": " ".join(one.name for one in commands() if one.name),
    }


def _quoted(found: list[str]) -> str:
    return f'_words="{" ".join(found)}"'


def _names(command: Command) -> str:
    return " ".join(name for option in command.options for name in option.names)


def _zsh() -> dict[str, str]:
    def text(said: str) -> str:
        """For single quotes."""
        return said.replace("'", "'\\''")

    def about(said: str) -> str:
        return text(re.sub(r"([\[\]:\\])", r"\\\1", said.removesuffix(".")))

    def described(word: Word, indent: int) -> str:
        behind = f":{about(word.about)}" if word.about else ""
        return " " * indent + f"'{word.text}{behind}'"

    def action(kind: str) -> str:
        if kind in FILES:
            return f'_files -g "{FILES[kind]}"'
        plain = {
            "directory": "_files -/",
            "key": "_kcfg_keys",
            "keys": "_kcfg_keys",
            "pairs": "_kcfg_pairs",
            "assignments": "_kcfg_assignments",
            "nothing": " ",
        }
        return plain.get(kind, f"_kcfg_{kind}s")

    def option(one: Option) -> str:
        takes = f":{one.takes}:{action(one.takes)}" if one.takes else ""
        told = f"[{about(one.about)}]{takes}'"
        names = [
            name + (("=" if name.startswith("--") else "+") if takes else "") for name in one.names
        ]
        but = "- *" if "--help" in one.names or "--version" in one.names else " ".join(one.names)
        if len(names) == 1:
            return f"'({but}){names[0]}{told}"
        return f"'({but})'{{{','.join(names)}}}'{told}"

    def arguments(command: Command) -> str:
        specs = [option(one) for one in command.options]
        for place, kind in enumerate(command.positional):
            last = command.repeats and place == len(command.positional) - 1
            at = "*:" if last else f"{place + 1}:"
            specs.append(f"'{at}{kind}:{action(kind)}'")
        lines = [f"{spec} \\" for spec in specs[:-1]] + [f"{specs[-1]} && ret=0"]
        inner = "".join(f"                        {line}\n" for line in lines)
        return (
            f"                {command.name})\n"
            f"                    _arguments -S : \\\n{inner}                    ;;"
        )

    own, *others = commands()
    lists = [
        f"_kcfg_{kind}s() {{\n    local -a words\n    words=(\n"
        + "".join(f"        {word.text}\n" for word in words(kind))
        + f"    )\n    local expl\n    _wanted -V {kind}s expl {kind} compadd -a words\n}}\n"
        for kind in LISTED
        if words(kind)
    ]
    return {
        "VALUES": "\n".join(
            f"        {key})\n            words=(\n"
            + "".join(described(word, 16) + "\n" for word in found)
            + "            )\n            ;;"
            for key, found in values().items()
            if found
        ),
        "KEYS": "\n".join(described(word, 8) for word in words("key")),
        "LISTS": "\n".join(lists),
        "APPLICATION": "\n".join(f"        {option(one)} \\" for one in own.options),
        "COMMANDS": "\n".join(described(Word(one.name, one.about), 16) for one in others),
        "ARGUMENTS": "\n".join(arguments(one) for one in others),
    }


def _fish() -> dict[str, str]:
    def quoted(said: str) -> str:
        return "'" + said.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def case(pattern: str, what: str, indent: int = 8) -> str:
        return f"{' ' * indent}case {pattern}\n{' ' * indent}    {what}"

    def told(found: Iterable[Word]) -> str:
        return " ".join(f"{quoted(one.text)} {quoted(one.about)}" for one in found)

    def printed(found: Iterable[Word]) -> str:
        return f"printf '%s\\t%s\\n' {told(found)}"

    everything = commands()
    options = [
        (one.name or "''", [Word(name, o.about) for o in one.options for name in o.names])
        for one in everything
    ]
    positional = [
        (one.name, place, kind, one.repeats and place == len(one.positional) - 1)
        for one in everything
        for place, kind in enumerate(one.positional)
    ]
    return {
        "OPTION_TAKES": "\n".join(
            case(" ".join(f"'{one.name} {name}'" for name in o.names), f"echo {o.takes}")
            for one in everything
            for o in one.options
            if o.takes
        ),
        "OPTIONS": "\n".join(case(name, printed(found)) for name, found in options),
        "POSITIONAL": "\n".join(
            case(
                name,
                "\n            ".join(
                    f"echo {kind}" if last else f"test $before = {place}; and echo {kind}"
                    for owner, place, kind, last in positional
                    if owner == name
                ),
            )
            for name in dict.fromkeys(owner for owner, *_ in positional)
        ),
        "COMMANDS": told(Word(one.name, one.about) for one in everything if one.name),
        "VALUES": "\n".join(case(key, printed(found)) for key, found in values().items() if found),
        "KEYS": told(words("key")),
        "FILES": "\n".join(
            case(kind, f"__kcfg_files $token {glob.removeprefix('*')}")
            for kind, glob in FILES.items()
        ),
        "WORDS": "\n".join(
            case(kind, f"printf '%s\\n' {' '.join(_texts(words(kind)))}")
            for kind in LISTED
            if words(kind)
        ),
    }


def _powershell() -> dict[str, str]:
    def array(found: Iterable[str]) -> str:
        return "@(" + ", ".join(f"'{one}'" for one in found) + ")"

    def rows(found: Iterable[tuple[str, str]]) -> str:
        return "\n".join(f"        '{name}' = {what}" for name, what in found)

    everything = commands()
    return {
        "OPTION_TAKES": rows(
            (f"{one.name} {name}", f"'{option.takes}'")
            for one in everything
            for option in one.options
            for name in option.names
            if option.takes
        ),
        "OPTIONS": rows((one.name, array(_names(one).split())) for one in everything),
        "POSITIONAL": rows(
            (one.name, array(one.positional)) for one in everything if one.positional
        ),
        "REPEATS": ", ".join(f"'{one.name}'" for one in everything if one.repeats),
        "WORDS": rows(
            (kind, array(_texts(words(kind)))) for kind in ("key", *LISTED) if words(kind)
        ),
        "VALUES": rows((key, array(_texts(found))) for key, found in values().items()),
        "FILES": "\n".join(
            f"            '{kind}' {{ Complete-File @('{glob}') }}" for kind, glob in FILES.items()
        ),
        "COMMANDS": ", ".join(f"'{one.name}'" for one in everything if one.name),
    }
