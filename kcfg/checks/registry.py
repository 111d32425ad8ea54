"""The checks: what each finds, how bad that is, for which releases, and what mends it.

A check is a generator `Situation -> Iterator[Problem]`. Its docstring is what `--explain`
prints: what is wrong; what Keras does, from which release on; the cure; where that was read. A new
one is a function in its family, a row here, and `tests/checks/examples/CODE/`; what keeps it from
finding anything is told in `kcfg.checks.quick`.

Families are named, not imported: `kcfg show` loads those alone that may have something to say.
"""

from __future__ import annotations

from kcfg.keras.releases import rules, turning_points
from kcfg.problems import ERROR, NOTE, SEVERITIES, WARNING
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from kcfg.keras.releases import Rules
    from kcfg.problems import Problem
    from kcfg.situation import Situation

FILE = "file"
"""The text of a file decides alone: these checks run for `kcfg check FILE`, too."""
AROUND = "around"
"""Variables, places and what is installed decide."""

SAFE, UNSAFE, BOTH = "--fix", "--unsafe-fixes", "--fix, --unsafe-fixes"


class Check(Record):
    """One row."""

    code: str
    severity: str
    """The worst that it reports."""
    about: str
    """FILE or AROUND."""
    fix: str | None
    """What `kcfg check` needs to mend it; None: it can't."""
    applies: Callable[[Rules], bool]
    """The releases that it is about."""
    family: str
    """The module of `kcfg.checks` that has it, as a function of its code's name."""

    @property
    def find(self) -> Callable[[Situation], Iterator[Problem]]:
        """The check itself."""
        family = __import__(f"kcfg.checks.{self.family}", fromlist=["kcfg"])
        found: Callable[[Situation], Iterator[Problem]] = getattr(
            family, self.code.replace("-", "_")
        )
        return found

    @property
    def explanation(self) -> str:
        """The docstring, its lines from the margin."""
        lines = (self.find.__doc__ or self.code).strip().splitlines()
        return "\n".join(line.removeprefix("    ") for line in lines)

    @property
    def summary(self) -> str:
        """The first line of the explanation."""
        return self.explanation.partition("\n")[0]


def every(_: Rules) -> bool:
    """All releases."""
    return True


def _reads(what: str) -> Callable[[Rules], bool]:
    return lambda rules: what in rules.variables


def _has_key(name: str) -> Callable[[Rules], bool]:
    return lambda rules: rules.key(name) is not None


def _backend(rules: Rules) -> bool:
    return rules.reads_backend


CHECKS = (
    Check("malformed-json", ERROR, FILE, BOTH, every, "syntax"),
    Check("empty-file", ERROR, FILE, UNSAFE, every, "syntax"),
    Check("bom", ERROR, FILE, SAFE, every, "syntax"),
    Check("utf-16", ERROR, FILE, SAFE, every, "syntax"),
    Check("not-utf-8", ERROR, FILE, None, every, "syntax"),
    Check("nul-bytes", ERROR, FILE, None, every, "syntax"),
    Check("merge-conflict", ERROR, FILE, None, every, "syntax"),
    Check("too-deep", ERROR, FILE, None, every, "syntax"),
    Check("not-an-object", ERROR, FILE, None, every, "syntax"),
    Check("duplicate-key", WARNING, FILE, BOTH, every, "keys"),
    Check("unknown-key", WARNING, FILE, BOTH, every, "keys"),
    Check("key-not-read", WARNING, FILE, UNSAFE, every, "keys"),
    Check("floatx-unknown", ERROR, FILE, BOTH, every, "values"),
    Check("floatx-only-in-code", ERROR, FILE, UNSAFE, every, "values"),
    Check("epsilon-not-float", ERROR, FILE, BOTH, every, "values"),
    Check("epsilon-not-finite", WARNING, FILE, UNSAFE, every, "values"),
    Check("epsilon-negative", WARNING, FILE, UNSAFE, every, "values"),
    Check("epsilon-zero", WARNING, FILE, UNSAFE, every, "values"),
    Check("epsilon-lost-in-floatx", WARNING, FILE, UNSAFE, every, "values"),
    Check(
        *("layout-unknown", ERROR, FILE, BOTH),
        lambda rules: rules.layout is not None,
        "values",
    ),
    Check(
        *("channels-first-on-tensorflow", NOTE, FILE, None),
        lambda rules: rules.layout is not None,
        "values",
    ),
    Check(
        *("nnx-enabled-not-boolean", ERROR, FILE, BOTH),
        _has_key("nnx_enabled"),
        "nnx",
    ),
    Check(
        *("nnx-needs-flax", ERROR, FILE, UNSAFE),
        _has_key("nnx_enabled"),
        "nnx",
    ),
    Check("backend-removed", ERROR, FILE, UNSAFE, _backend, "backends"),
    Check("backend-too-new", ERROR, FILE, UNSAFE, _backend, "backends"),
    Check("backend-unknown", ERROR, FILE, BOTH, _backend, "backends"),
    Check(
        *("backend-not-read", WARNING, FILE, UNSAFE),
        lambda rules: not rules.reads_backend,
        "backends",
    ),
    Check(
        *("backend-inference-only", NOTE, FILE, None),
        lambda rules: "openvino" in rules.backends,
        "backends",
    ),
    Check("backend-not-installed", WARNING, AROUND, None, every, "backends"),
    Check("fails-in-other-keras", NOTE, AROUND, None, every, "backends"),
    Check("shadowed-by-env", WARNING, AROUND, None, _reads("backend"), "variables"),
    Check("variable-not-read", WARNING, AROUND, None, every, "variables"),
    Check("variable-misspelt", WARNING, AROUND, None, every, "variables"),
    Check(
        *("limit-not-integer", ERROR, AROUND, None),
        _reads("max_epochs"),
        "variables",
    ),
    Check(
        *("nnx-variable-unclear", WARNING, AROUND, None),
        _reads("nnx_enabled"),
        "nnx",
    ),
    Check("legacy-switch-unclear", WARNING, AROUND, None, every, "variables"),
    Check(
        *("conda-sets-backend", WARNING, AROUND, None),
        _reads("backend"),
        "variables",
    ),
    Check("directory-in-place", ERROR, FILE, None, every, "places"),
    Check("unreadable-file", ERROR, FILE, None, every, "places"),
    Check(
        *("unwritable-place", ERROR, FILE, None),
        lambda rules: rules.ways["make directory"] != "tried",
        "places",
    ),
    Check("dangling-link", WARNING, AROUND, None, every, "places"),
    Check(
        *("home-passed-over", ERROR, AROUND, None),
        lambda rules: rules.ways["fallback"] != "none",
        "homes",
    ),
    Check(
        *("fallback-used", NOTE, AROUND, None),
        lambda rules: rules.ways["fallback"] != "none",
        "homes",
    ),
    Check("keras-home-empty", WARNING, AROUND, None, _reads("place"), "homes"),
    Check(
        *("keras-home-relative", WARNING, AROUND, None),
        _reads("place"),
        "homes",
    ),
    Check("keras-home-tilde", WARNING, AROUND, None, _reads("place"), "homes"),
    Check(
        *("keras-home-names-file", ERROR, AROUND, None),
        _reads("place"),
        "homes",
    ),
    Check(
        *("keras-home-not-directory", ERROR, AROUND, None),
        _reads("place"),
        "homes",
    ),
    Check("keras-home-missing", NOTE, AROUND, None, _reads("place"), "homes"),
    Check("misnamed-file", WARNING, AROUND, None, every, "places"),
    Check("misplaced-file", WARNING, AROUND, None, every, "places"),
    Check("untrusted-owner", WARNING, AROUND, None, every, "owners"),
    Check("untrusted-mode", WARNING, AROUND, None, every, "owners"),
    Check("group-writable", NOTE, AROUND, None, every, "owners"),
    Check(
        "symlink-in-shared-directory",
        WARNING,
        AROUND,
        None,
        every,
        "owners",
    ),
)


def run(
    situation: Situation, *, file_alone: bool = False, families: Container[str] | None = None
) -> tuple[Problem, ...]:
    """Every problem, by place and then by severity; variables and the like behind the file's own.

    file_alone: leave out what isn't said by the file's text. families: the only ones to ask.
    """
    found = [
        problem
        for check in CHECKS
        if (families is None or check.family in families)
        and check.applies(situation.rules)
        and not (file_alone and check.about != FILE)
        for problem in check.find(situation)
    ]
    path = situation.discovery.path

    def place(problem: Problem) -> tuple[bool, str, int, int, int]:
        return (
            problem.path != path,
            problem.path or "",
            problem.line or 0,
            problem.column or 0,
            SEVERITIES.index(problem.severity),
        )

    return tuple(sorted(found, key=place))


def releases(check: Check) -> str:
    """The releases that a check is about, in words: "all", "from 2.2", "2.4 to before 3.0"."""
    pieces = []
    since: str | None = None
    points = turning_points()
    for point in points:
        holds = check.applies(rules(point))
        if holds and since is None:
            since = point
        elif not holds and since is not None:
            pieces.append(
                f"to before {_short(point)}"
                if since == points[0]
                else f"{_short(since)} to before {_short(point)}"
            )
            since = None
    if since is not None:
        pieces.append("all" if since == points[0] else f"from {_short(since)}")
    return ", ".join(pieces)


def _short(version: str) -> str:
    return version.removesuffix(".0")
