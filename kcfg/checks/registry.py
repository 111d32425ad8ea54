"""The checks: what each finds, how bad that is, for which releases, and what mends it.

A check is a generator `Situation -> Iterator[Problem]`. Its docstring is what `--explain`
prints: what is wrong; what Keras does, from which release on; the cure; where that was read. A new
one is a function in its family, a row here, and `tests/checks/examples/CODE/`.
"""

from __future__ import annotations

from kcfg.checks import (
    backends,
    homes,
    keys,
    nnx,
    owners,
    places,
    syntax,
    values,
    variables,
)
from kcfg.keras.releases import rules, turning_points
from kcfg.problems import ERROR, NOTE, SEVERITIES, WARNING
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    find: Callable[[Situation], Iterator[Problem]]

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
    Check("malformed-json", ERROR, FILE, BOTH, every, syntax.malformed_json),
    Check("empty-file", ERROR, FILE, UNSAFE, every, syntax.empty_file),
    Check("bom", ERROR, FILE, SAFE, every, syntax.bom),
    Check("utf-16", ERROR, FILE, SAFE, every, syntax.utf_16),
    Check("not-utf-8", ERROR, FILE, None, every, syntax.not_utf_8),
    Check("nul-bytes", ERROR, FILE, None, every, syntax.nul_bytes),
    Check("merge-conflict", ERROR, FILE, None, every, syntax.merge_conflict),
    Check("too-deep", ERROR, FILE, None, every, syntax.too_deep),
    Check("not-an-object", ERROR, FILE, None, every, syntax.not_an_object),
    Check("duplicate-key", WARNING, FILE, BOTH, every, keys.duplicate_key),
    Check("unknown-key", WARNING, FILE, BOTH, every, keys.unknown_key),
    Check("key-not-read", WARNING, FILE, UNSAFE, every, keys.key_not_read),
    Check("floatx-unknown", ERROR, FILE, BOTH, every, values.floatx_unknown),
    Check("floatx-only-in-code", ERROR, FILE, UNSAFE, every, values.floatx_only_in_code),
    Check("epsilon-not-float", ERROR, FILE, BOTH, every, values.epsilon_not_float),
    Check("epsilon-not-finite", WARNING, FILE, UNSAFE, every, values.epsilon_not_finite),
    Check("epsilon-negative", WARNING, FILE, UNSAFE, every, values.epsilon_negative),
    Check("epsilon-zero", WARNING, FILE, UNSAFE, every, values.epsilon_zero),
    Check("epsilon-lost-in-floatx", WARNING, FILE, UNSAFE, every, values.epsilon_lost_in_floatx),
    Check(
        *("layout-unknown", ERROR, FILE, BOTH),
        lambda rules: rules.layout is not None,
        values.layout_unknown,
    ),
    Check(
        *("channels-first-on-tensorflow", NOTE, FILE, None),
        lambda rules: rules.layout is not None,
        values.channels_first_on_tensorflow,
    ),
    Check(
        *("nnx-enabled-not-boolean", ERROR, FILE, BOTH),
        _has_key("nnx_enabled"),
        nnx.nnx_enabled_not_boolean,
    ),
    Check(
        *("nnx-needs-flax", ERROR, FILE, UNSAFE),
        _has_key("nnx_enabled"),
        nnx.nnx_needs_flax,
    ),
    Check("backend-removed", ERROR, FILE, UNSAFE, _backend, backends.backend_removed),
    Check("backend-too-new", ERROR, FILE, UNSAFE, _backend, backends.backend_too_new),
    Check("backend-unknown", ERROR, FILE, BOTH, _backend, backends.backend_unknown),
    Check(
        *("backend-not-read", WARNING, FILE, UNSAFE),
        lambda rules: not rules.reads_backend,
        backends.backend_not_read,
    ),
    Check(
        *("backend-inference-only", NOTE, FILE, None),
        lambda rules: "openvino" in rules.backends,
        backends.backend_inference_only,
    ),
    Check("backend-not-installed", WARNING, AROUND, None, every, backends.backend_not_installed),
    Check("fails-in-other-keras", NOTE, AROUND, None, every, backends.fails_in_other_keras),
    Check("shadowed-by-env", WARNING, AROUND, None, _reads("backend"), variables.shadowed_by_env),
    Check("variable-not-read", WARNING, AROUND, None, every, variables.variable_not_read),
    Check("variable-misspelt", WARNING, AROUND, None, every, variables.variable_misspelt),
    Check(
        *("limit-not-integer", ERROR, AROUND, None),
        _reads("max_epochs"),
        variables.limit_not_integer,
    ),
    Check(
        *("nnx-variable-unclear", WARNING, AROUND, None),
        _reads("nnx_enabled"),
        nnx.nnx_variable_unclear,
    ),
    Check("legacy-switch-unclear", WARNING, AROUND, None, every, variables.legacy_switch_unclear),
    Check(
        *("conda-sets-backend", WARNING, AROUND, None),
        _reads("backend"),
        variables.conda_sets_backend,
    ),
    Check("directory-in-place", ERROR, FILE, None, every, places.directory_in_place),
    Check("unreadable-file", ERROR, FILE, None, every, places.unreadable_file),
    Check(
        *("unwritable-place", ERROR, FILE, None),
        lambda rules: rules.ways["make directory"] != "tried",
        places.unwritable_place,
    ),
    Check("dangling-link", WARNING, AROUND, None, every, places.dangling_link),
    Check(
        *("home-passed-over", ERROR, AROUND, None),
        lambda rules: rules.ways["fallback"] != "none",
        homes.home_passed_over,
    ),
    Check(
        *("fallback-used", NOTE, AROUND, None),
        lambda rules: rules.ways["fallback"] != "none",
        homes.fallback_used,
    ),
    Check("keras-home-empty", WARNING, AROUND, None, _reads("place"), homes.keras_home_empty),
    Check(
        *("keras-home-relative", WARNING, AROUND, None),
        _reads("place"),
        homes.keras_home_relative,
    ),
    Check("keras-home-tilde", WARNING, AROUND, None, _reads("place"), homes.keras_home_tilde),
    Check(
        *("keras-home-names-file", ERROR, AROUND, None),
        _reads("place"),
        homes.keras_home_names_file,
    ),
    Check(
        *("keras-home-not-directory", ERROR, AROUND, None),
        _reads("place"),
        homes.keras_home_not_directory,
    ),
    Check("keras-home-missing", NOTE, AROUND, None, _reads("place"), homes.keras_home_missing),
    Check("misnamed-file", WARNING, AROUND, None, every, places.misnamed_file),
    Check("misplaced-file", WARNING, AROUND, None, every, places.misplaced_file),
    Check("untrusted-owner", WARNING, AROUND, None, every, owners.untrusted_owner),
    Check("untrusted-mode", WARNING, AROUND, None, every, owners.untrusted_mode),
    Check("group-writable", NOTE, AROUND, None, every, owners.group_writable),
    Check(
        "symlink-in-shared-directory",
        WARNING,
        AROUND,
        None,
        every,
        owners.symlink_in_shared_directory,
    ),
)


def run(situation: Situation, *, file_alone: bool = False) -> tuple[Problem, ...]:
    """Every problem, by place and then by severity; variables and the like behind the file's own.

    file_alone: leave out what isn't said by the file's text.
    """
    wanted = {
        check.find: None
        for check in CHECKS
        if check.applies(situation.rules) and not (file_alone and check.about != FILE)
    }
    found = [problem for find in wanted for problem in find(situation)]
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
