"""The part of the public API that is about configuration: `kcfg.resolve` and `kcfg.check`."""

from __future__ import annotations

from kcfg.situation import observe
from kcfg.world import real_world

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.keras.resolution import Resolution
    from kcfg.problems import Problem


def resolve(*, keras: str | None = None, file: str | None = None) -> Resolution:
    """What Keras would hold in this process's environment, and why.

    keras: the release that judges, such as "2.3.1", "3.15" or "3"; by default the one installed in
        the active environment, else the newest known.
    file: judge this keras.json instead of the one that the release would find.
    Returns a record: `values` has a `Resolved` (value, source, variable, in_file, file_value) by
    key; `failure` is the exception that `import keras` would raise, or None.
    Raises KcfgError where `keras` names no release, or the file can't be read at all.
    Source of the rules: the releases' own code, row by row in `kcfg.keras.releases`.

    >>> import kcfg
    >>> from pathlib import Path
    >>> _ = Path("keras.json").write_text('{"floatx": "float16", "epsilon": 1}')
    >>> kcfg.resolve(file="keras.json", keras="2.3.1").failure
    Failure(error='AssertionError', message='', stage='config', key='epsilon')
    >>> _ = Path("keras.json").write_text('{"floatx": "float16"}')
    >>> floatx = kcfg.resolve(file="keras.json", keras="3.15").values["floatx"]
    >>> floatx.value, floatx.source
    ('float16', 'file')
    """
    return observe(real_world(), keras=keras, file=file).resolution


def check(*, keras: str | None = None, file: str | None = None) -> tuple[Problem, ...]:
    """What a person should know about this configuration, as `kcfg check` without FILE finds it.

    keras, file: as in `resolve`.
    Returns problems (code, severity, message, keras, path, line, column, fix) in the order of
    their places. Raises KcfgError as `resolve` does.

    >>> import kcfg
    >>> from pathlib import Path
    >>> _ = Path("keras.json").write_text('{"epsilon": 1}')
    >>> found = kcfg.check(file="keras.json", keras="3.15")
    >>> [(problem.code, problem.line, problem.column) for problem in found if problem.line]
    [('epsilon-not-float', 1, 13)]
    """
    from kcfg.checks import registry

    return registry.run(observe(real_world(), keras=keras, file=file))
