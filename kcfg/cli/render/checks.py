"""What `kcfg check` says besides the problems themselves: JSON, the summary, the list of checks."""

from __future__ import annotations

from kcfg.checks import registry
from kcfg.checks.mending import mendable
from kcfg.cli.boundary import escaped
from kcfg.cli.render import json_document
from kcfg.problems import SEVERITIES

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcfg.checks.registry import Check
    from kcfg.problems import Problem
    from kcfg.situation import Situation

    Found = Sequence[tuple[Situation, tuple[Problem, ...]]]


def document(found: Found) -> str:
    """`kcfg check --json`."""
    counts = _counts(found)
    return json_document.document(
        {
            "files": [
                {
                    "path": situation.discovery.path,
                    "keras": situation.rules.version,
                    "problems": [json_document.problem(problem) for problem in problems],
                    "fails": json_document.fails(situation),
                }
                for situation, problems in found
            ],
            "summary": {f"{severity}s": counts[severity] for severity in SEVERITIES},
        }
    )


def summary(found: Found, *, mended: bool) -> str:
    """The last line, for people: how many problems, for which Keras, and what mends them."""
    if not found:
        return "kcfg: nothing was judged"
    situation = found[0][0]
    where = escaped(situation.discovery.path) if len(found) == 1 else f"{len(found)} files"
    counts = _counts(found)
    told = ", ".join(
        f"{number} {severity}{'' if number == 1 else 's'}"
        for severity, number in counts.items()
        if number
    )
    line = f"kcfg: {where}: {told or 'no problems'} (Keras {situation.rules.version}"
    line += {
        "installed": f", installed in {escaped(situation.environment.name)})",
        "option": ")",
        "assumed": ", the newest known: none is installed)",
    }[situation.keras_from]
    problems = [problem for _, found_there in found for problem in found_there]
    safe = sum(mendable(problem, unsafe=False) for problem in problems)
    more = sum(mendable(problem, unsafe=True) for problem in problems) - safe
    if safe and not mended:
        line += f"; --fix mends {safe}"
    if more:
        line += f"; --fix --unsafe-fixes mends {more}{' more' if safe and not mended else ''}"
    return line


def checks() -> str:
    """CODE, SEVERITY, RELEASES, FIX, SUMMARY with tabs between, a check a line."""
    return "".join("\t".join(row(check)) + "\n" for check in registry.CHECKS)


def checks_document() -> str:
    """The same as JSON."""
    names = ("code", "severity", "keras", "fix", "summary")
    return json_document.document(
        [dict(zip(names, row(check), strict=True)) for check in registry.CHECKS]
    )


def row(check: Check) -> tuple[str, str, str, str, str]:
    """One check in words."""
    fix = check.fix or "-"
    return check.code, check.severity, registry.releases(check), fix, check.summary


def explanation(check: Check) -> str:
    """`kcfg check --explain CODE`."""
    fix = f", mended by {check.fix}" if check.fix else ""
    head = f"{check.code} ({check.severity}; Keras: {registry.releases(check)}{fix})"
    return f"{head}\n\n{check.explanation}\n"


def _counts(found: Found) -> dict[str, int]:
    severities = [problem.severity for _, problems in found for problem in problems]
    return {severity: severities.count(severity) for severity in SEVERITIES}
