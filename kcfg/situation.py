"""The situation: rooms 2 and 3 led through once, in order, for every command."""

from __future__ import annotations

from kcfg.keras.discovery import discover
from kcfg.keras.installed import active_environment, keras_release
from kcfg.keras.reading import read
from kcfg.keras.releases import NEWEST, release, rules
from kcfg.keras.resolution import resolve
from kcfg.problems import KcfgError
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.document import Document
    from kcfg.keras.discovery import Discovery
    from kcfg.keras.installed import Environment
    from kcfg.keras.reading import Reading
    from kcfg.keras.releases import Rules
    from kcfg.keras.resolution import Resolution
    from kcfg.world import World


class Situation(Record):
    """All that was found out, for one release, one environment, one file."""

    world: World
    environment: Environment
    rules: Rules
    keras_from: str
    """Why this release judges: "installed", "option" or "assumed"."""
    discovery: Discovery
    reading: Reading
    resolution: Resolution

    def document(self) -> Document | None:
        """The file's text with positions; None where there is no text."""
        if "_document" not in self.__dict__:  # parsed once, when somebody first asks
            from kcfg import document

            data = self.reading.data
            self.__dict__["_document"] = None if data is None else document.read(data)
        parsed: Document | None = self.__dict__["_document"]
        return parsed

    def origin(self, key: str) -> str:
        """Where a value came from: `PATH:LINE:COLUMN`, a variable's name, or "default"."""
        held = self.resolution.values[key]
        if held.variable is not None:
            return held.variable
        if held.source == "default":
            return "default"
        document = self.document()
        member = document.find(key) if document else None
        if document is None or member is None:
            return self.discovery.path
        line, column = document.position(member.value_start)
        return f"{self.discovery.path}:{line}:{column}"


def observe(world: World, *, keras: str | None = None, file: str | None = None) -> Situation:
    """Find out everything. `keras` and `file` are the options of those names.

    Raises KcfgError where `keras` names no release, `file` is empty, or the file can't be read
    without waiting.
    """
    if file == "":
        raise KcfgError("the path is empty", where="--file", keras=None, mend="name a keras.json")
    environment = active_environment(world)
    installed = keras_release(world, environment) if keras is None else None
    if keras is not None:
        version, keras_from = release(keras), "option"
    elif installed is not None:
        version, keras_from = installed, "installed"
    else:
        version, keras_from = NEWEST[-1], "assumed"
    this = rules(version, world.windows)
    discovery = discover(world, this, file)
    reading = read(world, this, discovery)
    resolution = resolve(world, this, discovery, reading, environment)
    return Situation(world, environment, this, keras_from, discovery, reading, resolution)
