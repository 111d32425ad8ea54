"""World and rules -> the file that this release opens, and the reason for or against each place."""

from __future__ import annotations

from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.keras.releases import Rules
    from kcfg.world import World


class Place(Record):
    """A directory that Keras might take its file from."""

    rule: str
    """What names it: "--file", "KERAS_HOME", "home" or "fallback"."""
    path: str
    """The file there, absolute; "" where the rule names none."""
    chosen: bool
    reason: str


class Discovery(Record):
    """Where this release looks for keras.json."""

    held_dir: str
    """The directory exactly as Keras holds it: perhaps relative, `~` not expanded."""
    held_path: str
    """The file exactly as Keras holds it."""
    keras_dir: str
    """`held_dir` absolute, `~` expanded: the directory of `path`."""
    path: str
    """The file that Keras opens, absolute."""
    exists: bool
    """As `os.path.exists` tells Keras."""
    base: str
    """The directory below which Keras makes `.keras`; "" with KERAS_HOME and --file."""
    places: tuple[Place, ...]
    """Each rule in Keras's own order; exactly one is chosen."""


def discover(world: World, rules: Rules, file: str | None = None) -> Discovery:
    """Find the file. `file` (the option --file) stands above all of Keras's own rules.

    Source: the first lines of the release's configuration code, `keras.releases.CONFIG_*`.
    """
    home = world.expand_user("~")
    fallback = rules.ways["fallback"]
    writable = world.files.writable(home)
    base = home if writable or fallback == "none" else fallback
    variable = rules.variables.get("place")
    named = world.env.get(variable.name) if variable else None

    if file is not None:
        rule, base = "--file", ""
        held_dir, held_path = world.paths.dirname(file), file
    elif named is not None:
        rule, base = "KERAS_HOME", ""
        held_dir = named
        held_path = world.expand_user(world.join(named, "keras.json"))
    else:
        rule = "home" if base == home else "fallback"
        held_dir = world.join(base, ".keras")
        held_path = world.expand_user(world.join(held_dir, "keras.json"))

    def place(name: str, path: str, why_chosen: str, why_not: str) -> Place:
        chosen = name == rule
        return Place(name, path, chosen, why_chosen if chosen else why_not)

    def in_home(directory: str) -> str:
        return world.absolute(world.expand_user(world.join(directory, ".keras", "keras.json")))

    above = {"--file": "--file names the file", "KERAS_HOME": "KERAS_HOME is set"}.get(rule)
    places = (
        *((place("--file", world.absolute(file), "it was asked for", ""),) if file else ()),
        place(
            "KERAS_HOME",
            ""
            if named is None
            else world.absolute(world.expand_user(world.join(named, "keras.json"))),
            _said(named),
            _not_keras_home(rules, above if rule == "--file" else None),
        ),
        place(
            "home",
            in_home(home),
            "the home directory is writable"
            if writable
            else f"Keras {rules.version} has no other place, writable or not",
            above or f"the home directory {home} is not writable",
        ),
        *(
            ()
            if fallback == "none"
            else (
                place(
                    "fallback",
                    in_home(fallback),
                    f"the home directory {home} is not writable",
                    above or "the home directory is writable",
                ),
            )
        ),
    )
    path = world.absolute(held_path)
    return Discovery(
        held_dir=held_dir,
        held_path=held_path,
        keras_dir=world.paths.dirname(path),
        path=path,
        exists=world.files.exists(path),
        base=base,
        places=places,
    )


def _said(named: str | None) -> str:
    if named == "":
        return "it is set, and empty: the file is looked for in the current directory"
    return "it is set"


def _not_keras_home(rules: Rules, above: str | None) -> str:
    if "place" not in rules.variables:
        return f"Keras {rules.version} does not read it"
    return above or "it is not set"
