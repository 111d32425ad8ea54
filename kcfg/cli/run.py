"""`kcfg run`: COMMAND with these values in force for it alone, or the same as lines of text."""

from __future__ import annotations

import os

from kcfg.cli.boundary import put_bytes, say, say_lines
from kcfg.problems import KcfgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kcfg.keras.reading import Failure
    from kcfg.launch.plan import Plan
    from kcfg.situation import Situation

_EMPTY = b"{\n}\n"


def run(
    values: list[str],
    command: list[str],
    *,
    keras_home: str | None = None,
    print_: bool = False,
    github: bool = False,
    keras: str | None = None,
    file: str | None = None,
) -> int:
    """`kcfg run [KEY=VALUE]... -- COMMAND...`; with `print_` or `github` no COMMAND.

    keras_home: COMMAND's keras directory, in place of the one that Keras would find; for `print_`
    and `github` the values are written into its keras.json, else it stays as it is. file: the
    keras.json to start from. On POSIX this process becomes COMMAND: then nothing comes back.
    """
    from kcfg.launch import plan as launch

    pairs = _pairs(values)
    _judge_usage(command, print_=print_, github=github, keras_home=keras_home, file=file)
    if command and not pairs and keras_home is None and file is None:
        return launch.launch(command, os.environ, launch.Plan((), None, ""))
    made = _Run(pairs, keras_home=keras_home, keras=keras, file=file)
    if command:
        return launch.launch(command, os.environ, made.plan())
    variables = made.lasting_variables()
    if print_:
        put_bytes(os.fsencode(launch.exports(variables)))
    else:
        _append_github(launch.github(variables))
        for name, value in variables.items():
            say(f"{name}={value}")
    return 0


class _Run:
    """What one call was asked for, judged: values by variable, values by file, places."""

    def __init__(
        self, pairs: dict[str, str], *, keras_home: str | None, keras: str | None, file: str | None
    ) -> None:
        from kcfg import schema
        from kcfg.situation import observe
        from kcfg.world import real_world

        world = real_world()
        self._home = None if keras_home is None else world.absolute(keras_home)
        if self._home is not None:
            world = world.replace(env={**world.env, "KERAS_HOME": self._home})
        self._found: Situation = observe(world, keras=keras)
        self._rules = self._found.rules
        self._start: Situation = self._found
        if file is not None:
            self._start = observe(world, keras=keras, file=file)
            if not self._start.discovery.exists:
                raise KcfgError("there is no such file", where=file, keras=None, mend=None)
        self._file = file
        accepted = schema.accept(self._rules, pairs)
        if accepted.get("epsilon") == 0:
            say("kcfg: warning: epsilon: 0 protects no division and no logarithm")
        self._variables: dict[str, str] = {}
        self._literals: dict[str, str] = {}
        for name, value in accepted.items():
            variable = self._rules.variables.get(name)
            if variable is not None:
                self._variables[variable.name] = _as_variable(value)
            elif name != "backend" or self._rules.reads_backend:
                # tf.keras takes "tensorflow" alone, and holds that anyway.
                self._literals[name] = schema.literal(value)

    def plan(self) -> Plan:
        """For COMMAND."""
        from kcfg.launch.plan import plan

        variables = dict(self._variables)
        if self._home is not None:
            variables["KERAS_HOME"] = self._home
        return plan(
            release=self._rules.version,
            reads={variable.name for variable in self._rules.variables.values()},
            directory=self._found.discovery.keras_dir,
            current=self._found.reading.data,
            wanted=self._contents() if self._literals or self._file is not None else None,
            variables=variables,
        )

    def lasting_variables(self) -> Mapping[str, str]:
        """For text: with a keras directory that outlives this process, where one is needed."""
        from kcfg.launch.standing import cache_directory, standing_directory

        planned = self.plan()
        variables = dict(planned.variables)
        if planned.contents is not None and self._home is not None:
            self._write_into(os.path.join(self._home, "keras.json"))
        elif planned.contents is not None:
            world = self._found.world
            cache = cache_directory(world.env, world.expand_user("~"))
            start = {} if self._file is None else {"": self._start.discovery.path}
            variables["KERAS_HOME"] = standing_directory(
                cache, planned.contents, planned.directory, {**self._literals, **start}
            )
        return variables

    def _write_into(self, path: str) -> None:
        from kcfg.cli.render import lines
        from kcfg.keras.reading import interpret
        from kcfg.store import update

        def edit(data: bytes | None) -> bytes:
            reading = None if data is None else interpret(self._rules, data)
            if reading is not None and reading.mapping is None:
                raise self._unreadable(reading.failure)
            if reading is not None and reading.ignored is not None:
                raise KcfgError(
                    "this text is not JSON, and nothing was written",
                    where=path,
                    keras=f"Keras {self._rules.version} ignores it without a word",
                    mend=f"kcfg check {path} says where and why",
                )
            return self._edited(_EMPTY if data is None else data)

        change = update(path, edit, notice=lambda text: say(f"kcfg: {text}"))
        for note in change.notes:
            say_lines(lines.problem(note))
        if change.written:
            say(f"kcfg: {path}: written")

    def _contents(self) -> bytes:
        """keras.json as COMMAND shall see it; what Keras ignores counts as nothing here, too.

        Raises KcfgError where Keras itself couldn't read it.
        """
        reading, path = self._start.reading, self._start.discovery.path
        if reading.failure is not None:
            raise self._unreadable(reading.failure)
        if reading.ignored is not None:
            say(
                f"kcfg: {path}: this text is not JSON, and Keras {self._rules.version} ignores it "
                "without a word; so does this run. See kcfg check"
            )
        if reading.data is None or reading.ignored is not None:
            return self._edited(_EMPTY)
        return self._edited(reading.data)

    def _unreadable(self, failure: Failure | None) -> KcfgError:
        path = self._start.discovery.path
        return KcfgError(
            f"Keras {self._rules.version} cannot read this file",
            where=path,
            keras=f"`import keras` would raise {failure.error}" if failure else None,
            mend=f"kcfg check {path} says where and why",
        )

    def _edited(self, data: bytes) -> bytes:
        from kcfg import document

        text = document.read(data)
        return document.encode(
            document.apply(text.text, document.set_members(text, self._literals))
        )


def _pairs(values: list[str]) -> dict[str, str]:
    """KEY=VALUE words as a mapping. Raises KcfgError for another word: a COMMAND without `--`?"""
    from kcfg.cli.edit import put_once

    found: dict[str, str] = {}
    for word in values:
        key, equals, text = word.partition("=")
        if not equals:
            raise KcfgError(
                "this is not KEY=VALUE",
                where=word,
                keras=None,
                mend=f"COMMAND stands behind two dashes: kcfg run KEY=VALUE -- {word} ...",
            )
        put_once(found, key, text)
    return found


def _judge_usage(
    command: list[str], *, print_: bool, github: bool, keras_home: str | None, file: str | None
) -> None:
    what = None
    if print_ and github:
        what = "--print and --github exclude each other"
    elif command and (print_ or github):
        what = "with --print or --github no COMMAND is run"
    elif not command and not print_ and not github:
        what = "no COMMAND is given"
    elif keras_home is not None and file is not None:
        what = "--keras-home and --file exclude each other"
    elif keras_home == "":
        what = "--keras-home needs a directory"
    if what is not None:
        usage = "kcfg run [KEY=VALUE]... [--keras-home DIR] -- COMMAND..., or --print or --github"
        raise KcfgError(what, where=None, keras=None, mend=f"usage: {usage}")


def _as_variable(value: object) -> str:
    """As Keras reads KERAS_NNX_ENABLED ("true" or "1", else no) and KERAS_BACKEND."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _append_github(text: str) -> None:
    path = os.environ.get("GITHUB_ENV")
    if not path:
        raise KcfgError(
            "GITHUB_ENV is not set",
            where="--github",
            keras=None,
            mend="it is for a step of GitHub Actions; elsewhere: kcfg run KEY=VALUE --print",
        )
    try:
        with open(path, "ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                text = text if file.read(1) == b"\n" else "\n" + text
            file.write(text.encode())
    except OSError as error:
        from kcfg.system import failure

        raise failure(error, where=path, doing="append to it") from error
