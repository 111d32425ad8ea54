"""What a person sees on a terminal: tables that say at a glance what wins and why.

The only renderer that loads rich. Text from outside goes in as `Text(escaped(...))`, never as
markup, and paths are never wrapped or cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kcfg.cli.boundary import escaped
from kcfg.cli.render import lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcfg.checks.registry import Check
    from kcfg.document import Document
    from kcfg.keras.resolution import Resolved
    from kcfg.problems import Problem
    from kcfg.situation import Situation

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
SHOWN = 120
"""Characters of a source line that are shown around a problem."""
LEAST = 80
"""Columns that the list of checks has, also where a terminal has fewer and wraps them."""
KERAS_FROM = {
    "installed": "installed in {environment}",
    "option": "named by --keras",
    "assumed": "assumed: none is installed in {environment}",
}


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console that changes nothing of the text it is given, and never forces colour."""
    return Console(
        stderr=stderr,
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
        force_terminal=None,
    )


def show(situation: Situation, problems: Sequence[Problem]) -> None:
    """`kcfg show`: the table on standard output, what is wrong on standard error."""
    out = console()
    out.print(head(situation))
    out.print(show_table(situation))
    said = console(stderr=True)
    for found in problems:
        said.print(problem(found))
    failure = lines.failure(situation)
    if failure:
        said.print(Text(escaped(failure), STYLES["error"]))


def show_table(situation: Situation) -> Text:
    """Keys, values, where each came from, and what was passed over for it."""
    rows = []
    for name, held in situation.resolution.values.items():
        origin = "Keras's default" if held.source == "default" else situation.origin(name)
        style = {"env": "bold magenta", "file": "green"}.get(held.source, "")
        value = lines.value(held.value) if held.value is not None else "-"
        rows.append([
            Text(name, "bold"),
            Text(value, style),
            Text(escaped(origin), style),
            Text(_passed_over(held)),
        ])  # fmt: skip
    return _aligned(("key", "value", "from", "instead of"), rows)


def head(situation: Situation) -> Text:
    """Which release judges and why, and which file it opens."""
    why = KERAS_FROM[situation.keras_from].format(environment=situation.environment.name)
    text = Text(escaped(f"Keras {situation.rules.version} ({why})") + "\n")
    text.append(escaped(situation.discovery.path), "bold")
    if not situation.discovery.exists:
        text.append("  (there is no such file)")
    elif situation.reading.ignored is not None:
        text.append("  (not JSON: Keras ignores it)", STYLES["error"])
    return text


def places(situation: Situation) -> None:
    """`kcfg path --explain`."""
    rows = []
    for place in situation.discovery.places:
        style = "green" if place.chosen else "dim"
        told = "chosen" if place.chosen else "rejected"
        words = (place.rule, escaped(place.path) or "-", told, escaped(place.reason))
        rows.append([Text(word, style) for word in words])
    out = console()
    out.print(head(situation))
    out.print(_aligned(("rule", "file", "", "why"), rows))


def problem(found: Problem) -> Text:
    """A problem as everywhere, its severity in colour."""
    text = Text(lines.problem(found))
    text.highlight_words([f" {found.severity}[{found.code}]"], STYLES[found.severity])
    return text


def problems(found: Sequence[Problem], document: Document | None) -> None:
    """`kcfg check`: each problem, its line of the file below it, and a caret."""
    out = console()
    for one in found:
        head, *rest = problem(one).split("\n")
        out.print(head)
        if document is not None and one.line is not None and one.column is not None:
            source, caret = excerpt(document.text, one.line, one.column)
            out.print(Text(f"  {one.line:>4} | {source}", "dim"))
            out.print(Text(f"       | {' ' * caret}^", STYLES[one.severity]))
        for line in rest:
            out.print(line)


def excerpt(text: str, line: int, column: int) -> tuple[str, int]:
    """The part of a line around a column, as it may be shown, and the cell where the caret goes."""
    start = 0
    for _ in range(line - 1):
        start = min(at for at in (_behind(text, "\n", start), _behind(text, "\r", start)) if at)
        if text[start - 1 : start + 1] == "\r\n":
            start += 1
    at = start + column - 1
    first = max(start, at - SHOWN // 2)
    piece = text[first : first + SHOWN]
    piece = piece.partition("\n")[0].partition("\r")[0]
    before = escaped(piece[: at - first].replace("\t", " "))
    return before + escaped(piece[at - first :].replace("\t", " ")), cell_len(before)


def checks(every: Sequence[Check]) -> None:
    """`kcfg check --list`."""
    from kcfg.cli.render.checks import row

    width = console().width
    wide = width >= 140  # else what is wrong needs the room
    table = Table(box=None, pad_edge=False)
    for column in ("code", "severity", *(("Keras", "mended by") if wide else ())):
        table.add_column(column, no_wrap=True)
    table.add_column("what is wrong", overflow="fold")
    for check in every:
        code, severity, releases, fix, summary = row(check)
        told = (releases, fix, summary) if wide else (summary,)
        table.add_row(Text(code, "bold"), Text(severity, STYLES[severity]), *told)
    console(width=max(width, LEAST)).print(table)


def _aligned(names: Sequence[str], rows: Sequence[Sequence[Text]]) -> Text:
    """Cells below their column's name, neither wrapped nor cut, however narrow the terminal is."""
    every = [[Text(name, "bold") for name in names], *rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*every, strict=True)]
    found = []
    for row in every:
        last = max(place for place, cell in enumerate(row) if cell)
        for cell, width in zip(row[:last], widths, strict=False):
            cell.pad_right(width - cell.cell_len)
        found.append(Text("  ").join(row[: last + 1]))
    return Text("\n").join(found)


def _behind(text: str, char: str, start: int) -> int:
    """Behind the next `char`; 0 where there is none."""
    return text.find(char, start) + 1


def _passed_over(held: Resolved) -> str:
    """What the file says and Keras doesn't use."""
    if not held.in_file or held.source == "file":
        return ""
    return f"{lines.value(held.file_value)} in the file"
