"""THE table: which release of Keras does what. Knowledge about Keras is written here, as rows.

A row holds from the release `since` on and up to, not including, the release `until` (None: it
still holds). `source` names the file in the releases where it was read; the releases' own code was
compared from 1.0.0 to 3.15.1, tf_keras to 2.21.0. `rules(version)` folds the rows that hold for one
release; no other module compares versions.

tf.keras begins with 2.4.3: the wheels of 2.4.0 to 2.4.2 hold the packages of 2.3.1 beside the new
modules of the same names, and Python imports the packages (keras/backend/__init__.py).

A new Keras release is a row in `NEWEST` and one row more for each thing that changed in it.
"""

from __future__ import annotations

from kcfg.problems import KcfgError
from kcfg.record import Record

TYPE_CHECKING = False

CONFIG_1 = "keras/backend/__init__.py"  # 1.0 to 2.2.4
CONFIG_2 = "keras/backend/load_backend.py"  # 2.2.5 to 2.3.1
CONFIG_TF = "keras/src/backend.py"  # tf.keras; keras/backend.py up to 2.12, tf_keras/src/backend.py
CONFIG_3 = "keras/src/backend/config.py"  # 3.0 on
TORCH_3 = "keras/src/backend/torch/core.py"
JOBS_3 = "keras/src/distribution/distribution_lib.py"

NEWEST = (
    *("1.0.8", "1.1.2", "1.2.2"),
    *("2.0.9", "2.1.6", "2.2.5", "2.3.1"),
    *(
        "2.4.3",
        "2.6.0",
        "2.7.0",
        "2.8.0",
        "2.9.0",
        "2.10.0",
        "2.11.0",
        "2.12.0",
        "2.13.1",
        "2.14.0",
    ),
    *("2.15.0", "2.16.0", "2.17.0", "2.18.0", "2.19.0", "2.20.1", "2.21.0"),
    *("3.0.5", "3.1.1", "3.2.1", "3.3.3", "3.4.1", "3.5.0", "3.6.0", "3.7.0", "3.8.0", "3.9.2"),
    *("3.10.0", "3.11.3", "3.12.4", "3.13.2", "3.14.1", "3.15.1"),
)
"""The newest release of each line, oldest first (2.16 to 2.21 are tf_keras alone)."""


class Key(Record):
    """A key of keras.json that a release reads."""

    name: str
    kind: str
    """ "choice", "float", "backend" or "truth" (anything, judged by Python's truth)."""
    values: tuple[str, ...]
    """The values allowed, for a choice, in the order in which Keras names them."""
    in_first_file: bool
    """It is in the file that Keras writes where there is none."""
    about: str
    since: str
    until: str | None
    source: str


KEYS = (
    Key(
        *("floatx", "choice", ("float16", "float32", "float64"), True),
        "the dtype of weights and tensors where none is named",
        *("1.0.0", None, CONFIG_1),
    ),
    Key(
        *("epsilon", "float", (), True),
        "the small number that keeps divisions and logarithms defined",
        *("1.0.0", None, CONFIG_1),
    ),
    Key(
        *("backend", "backend", (), True),
        "the framework that computes",
        *("1.0.0", None, CONFIG_1),
    ),
    Key(
        *("image_dim_ordering", "choice", ("tf", "th"), True),
        "where the channels of an image are: tf last, th first",
        *("1.0.4", "2.0.0", CONFIG_1),
    ),
    Key(
        *("image_data_format", "choice", ("channels_last", "channels_first"), True),
        "where the channels of an image are",
        *("2.0.0", None, CONFIG_1),
    ),
    Key(
        *("nnx_enabled", "truth", (), False),
        "use flax's NNX with the jax backend",
        *("3.11.0", None, CONFIG_3),
    ),
)


class Default(Record):
    """What a release holds for a key that nothing sets."""

    key: str
    value: object
    windows: bool | None
    """True: on Windows alone; None: everywhere."""
    since: str
    until: str | None
    source: str


DEFAULTS = (
    Default("floatx", "float32", None, "1.0.0", None, "keras/backend/common.py"),
    Default("epsilon", 1e-7, None, "1.0.0", None, "keras/backend/common.py; 10e-8 up to 2.0.9"),
    Default("backend", "theano", None, "1.0.0", "1.1.0", CONFIG_1),
    Default("backend", "tensorflow", None, "1.1.0", None, CONFIG_1),
    Default("backend", "theano", True, "1.1.1", "1.2.0", CONFIG_1),
    Default("image_dim_ordering", "th", None, "1.0.4", "1.1.0", "keras/backend/common.py"),
    Default("image_dim_ordering", "tf", None, "1.1.0", "2.0.0", "keras/backend/common.py"),
    Default("image_data_format", "channels_last", None, "2.0.0", None, "keras/backend/common.py"),
    Default("nnx_enabled", False, None, "3.11.0", None, CONFIG_3),
)


class Backend(Record):
    """A backend that a release knows by name."""

    name: str
    since: str
    until: str | None
    source: str


BACKENDS = (
    Backend("tensorflow", since="1.0.0", until=None, source=CONFIG_1),
    Backend("theano", since="1.0.0", until="2.4.3", source=CONFIG_1),
    Backend("cntk", since="2.0.5", until="2.4.3", source=CONFIG_1),
    Backend("jax", since="3.0.0", until=None, source="keras/src/backend/__init__.py"),
    Backend("torch", since="3.0.0", until=None, source="keras/src/backend/__init__.py"),
    Backend("numpy", since="3.0.0", until=None, source="keras/src/backend/__init__.py"),
    Backend("openvino", since="3.8.0", until=None, source="keras/src/backend/__init__.py"),
)


class Variable(Record):
    """An environment variable that a release reads."""

    name: str
    sets: str
    """The key, or the setting that only a variable can set, or "place"."""
    when: str
    """ "set": even when empty; "nonempty": an empty one counts as not set."""
    since: str
    until: str | None
    source: str


VARIABLES = (
    Variable("KERAS_HOME", "place", "set", "2.2.0", None, CONFIG_1),
    Variable("KERAS_BACKEND", "backend", "set", "1.0.0", "2.2.1", CONFIG_1),
    Variable("KERAS_BACKEND", "backend", "nonempty", "2.2.1", "2.4.3", CONFIG_1),
    Variable("KERAS_BACKEND", "backend", "nonempty", "3.0.0", None, CONFIG_3),
    Variable("KERAS_MAX_EPOCHS", "max_epochs", "set", "3.10.0", None, CONFIG_3),
    Variable("KERAS_MAX_STEPS_PER_EPOCH", "max_steps_per_epoch", "set", "3.10.0", None, CONFIG_3),
    Variable("KERAS_NNX_ENABLED", "nnx_enabled", "set", "3.11.0", None, CONFIG_3),
    # Read outside the configuration code, and no key's: known so that none is taken for a slip.
    Variable(*("KERAS_TORCH_DEVICE", "torch device", "set", "3.14.0", None), TORCH_3),
    Variable(*("KERAS_DISTRIBUTION_JOB_ADDRESSES", "addresses", "set", "3.0.0", None), JOBS_3),
    Variable(*("KERAS_DISTRIBUTION_NUM_PROCESSES", "processes", "set", "3.0.0", None), JOBS_3),
    Variable(*("KERAS_DISTRIBUTION_PROCESS_ID", "process id", "set", "3.0.0", None), JOBS_3),
)


class Way(Record):
    """How a release goes about something."""

    what: str
    how: str
    since: str
    until: str | None
    source: str


WAYS = (
    # Where home isn't writable, another base directory is taken. tf.keras only speaks of it.
    Way("fallback", "/tmp", "1.0.0", "2.4.3", CONFIG_1),
    Way("fallback", "none", "2.4.3", "3.0.0", CONFIG_TF),
    Way("fallback", "/tmp", "3.0.0", None, CONFIG_3),
    # Text that json can't parse: raised, or taken for {} without a word.
    Way("malformed", "raised", "1.0.0", "2.0.3", CONFIG_1),
    Way("malformed", "ignored", "2.0.3", None, CONFIG_1),
    # A value that isn't allowed.
    Way("invalid", "AssertionError", "1.0.0", "3.14.0", CONFIG_1),
    Way("invalid", "ValueError", "3.14.0", None, CONFIG_3),
    # A backend that the release doesn't know: refused when read, imported as a module, ignored
    # (tf.keras has one backend), or refused when it is to be loaded.
    Way("unknown backend", "asserted", "1.0.0", "2.2.0", CONFIG_1),
    Way("unknown backend", "imported", "2.2.0", "2.4.3", CONFIG_2),
    Way("unknown backend", "ignored", "2.4.3", "3.0.0", CONFIG_TF),
    Way("unknown backend", "refused", "3.0.0", None, "keras/src/backend/__init__.py"),
    # The first import makes the directory and writes the file.
    Way("make directory", "first", "1.0.0", "2.0.3", CONFIG_1),
    Way("make directory", "in a writable home", "2.0.3", "2.0.5", CONFIG_1),
    Way("make directory", "tried", "2.0.5", None, CONFIG_1),
    Way("write file", "missing", "1.0.0", "1.0.4", CONFIG_1),
    Way("write file", "always", "1.0.4", "1.0.8", CONFIG_1),
    Way("write file", "missing", "1.0.8", "2.0.3", CONFIG_1),
    Way("write file", "in a writable home", "2.0.3", "2.0.5", CONFIG_1),
    Way("write file", "tried", "2.0.5", None, CONFIG_1),
    Way("first file", "one line", "1.0.0", "1.0.4", CONFIG_1),
    Way("first file", "indented", "1.0.4", None, CONFIG_1),
    # 1.0.4 and 1.0.5 check image_dim_ordering and then forget it.
    Way("image_dim_ordering", "forgotten", "1.0.4", "1.0.6", CONFIG_1),
    Way("image_dim_ordering", "held", "1.0.6", "2.0.0", CONFIG_1),
)


class InCode(Record):
    """A value that a release takes in a call and not in its file."""

    key: str
    value: str
    call: str
    since: str
    until: str | None
    source: str


IN_CODE = (
    InCode(
        *("floatx", "bfloat16", "keras.config.set_floatx('bfloat16')"),
        *("3.0.3", None, CONFIG_3),
    ),
    InCode(
        *("floatx", "mixed_float16", "keras.mixed_precision.set_global_policy('mixed_float16')"),
        *("2.6.0", None, "keras/mixed_precision/policy.py"),
    ),
    InCode(
        *("floatx", "mixed_bfloat16", "keras.mixed_precision.set_global_policy('mixed_bfloat16')"),
        *("2.6.0", None, "keras/mixed_precision/policy.py"),
    ),
)

HALF_FILLED = ("__main__", "keras", "keras.backend")
"""Modules that are there already when Keras 2.2 or 2.3 imports its backend, with no entry yet."""

BROUGHT_ALONG = (
    *("keras_applications", "keras_preprocessing", "h5py", "numpy", "scipy", "six", "yaml"),
    *("google.protobuf", "theano"),
)
"""Modules that an installed Keras 2.2 or 2.3 can import though none is a backend (its setup.py)."""

BACKEND_ENTRIES = ("placeholder", "variable", "function")
"""What a module must have to serve Keras 2.2 and 2.3 as a backend (CONFIG_2)."""

ALSO_IMPORTED = {"numpy": ("scipy", "jax")}
"""What a backend of Keras 3 imports besides itself (keras/src/backend/numpy/linalg.py, nn.py)."""

NNX_MESSAGE = "To use NNX with the JAX backend, you must install `flax`."  # 3.11 on: CONFIG_3


if TYPE_CHECKING:
    Row = Key | Default | Backend | Variable | Way | InCode


class Rules(Record):
    """What the table says of one release."""

    version: str
    keys: tuple[Key, ...]
    defaults: dict[str, object]
    backends: tuple[str, ...]
    variables: dict[str, Variable]
    """By what they set; one that isn't there isn't read."""
    ways: dict[str, str]

    def key(self, name: str) -> Key | None:
        """The key of that name, None where this release doesn't read it."""
        return next((key for key in self.keys if key.name == name), None)

    @property
    def layout(self) -> Key | None:
        """`image_data_format`, or in Keras 1 `image_dim_ordering`."""
        return self.key("image_data_format") or self.key("image_dim_ordering")

    @property
    def reads_backend(self) -> bool:
        """False for tf.keras, whose backend is always tensorflow."""
        return self.ways["unknown backend"] != "ignored"


def in_code(rules: Rules, key: str, value: str) -> str | None:
    """The Python call that sets this value where the file can't; None if there is none."""
    this = number(rules.version)
    rows = (row for row in IN_CODE if (row.key, row.value) == (key, value))
    return next((row.call for row in rows if _holds(row, this)), None)


def still_to_come(row: Key | Backend | Variable, rules: Rules) -> bool:
    """Whether only releases later than the one that judges have this."""
    return number(row.since) > number(rules.version)


def turning_points() -> tuple[str, ...]:
    """Every release from which on some row holds or no longer holds, oldest first."""
    tables = (KEYS, DEFAULTS, BACKENDS, VARIABLES, WAYS, IN_CODE)
    rows = [row for table in tables for row in table]
    found = {point for row in rows for point in (row.since, row.until) if point}
    return tuple(sorted(found, key=number))


def number(version: str) -> tuple[int, int, int]:
    """(3, 15, 1) of "3.15.1"; of what follows the numbers ("rc0", ".dev3") nothing is read.

    Raises ValueError where there is no number at the start.
    """
    numbers = []
    for part in version.split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    if not numbers:
        raise ValueError(version)
    return (*numbers, 0, 0)[:3]  # type: ignore[return-value]


def is_release(text: str) -> bool:
    """Whether this is a version of Keras from 1.0 on, as `pip` writes it: "3.15.1", "3.0.0rc1"."""
    first, *parts = text.partition("+")[0].split(".")
    ends = [part.lstrip("0123456789").rstrip("0123456789") for part in parts]
    return (
        len(text) <= _LONGEST
        and text.isascii()
        and text.isprintable()
        and first.isdigit()
        and all(parts)
        and all(end in _ENDINGS for end in ends)
        and number(text) >= (1, 0, 0)
    )


_LONGEST = 64  # characters of a version, with the commit of a nightly build
_ENDINGS = ("", "a", "b", "rc", "dev", "post")


def release(text: str) -> str:
    """The release that a user names: "2.3.1" itself, "2.3" its newest, "3" the newest of all 3.x.

    Releases that are newer than this table are taken as given, and judged as the newest one known.
    Raises KcfgError where it is no version, or older than 1.0.
    """
    parts = text.split(".")
    if not is_release(text):
        if text[:1].isdigit() and is_release("1." + text):
            raise _no_release(f"Keras {text} is older than all that kcfg knows")
        raise _no_release(f"{text[:_LONGEST]!r} is not a version of Keras")
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        return text
    line = [known for known in NEWEST if known.split(".")[: len(parts)] == parts]
    return line[-1] if line else text + ".0" * (3 - len(parts))


def unknown_yet(text: str) -> bool:
    """Whether this names a release that is newer than all of this table."""
    return number(release(text)) > number(NEWEST[-1])


def _no_release(what: str) -> KcfgError:
    mend = f"name one from 1.0 to {NEWEST[-1]}"
    return KcfgError(what, where="--keras", keras=None, mend=mend)


def rules(version: str, windows: bool = False) -> Rules:
    """The rows of the table that hold for one release, folded."""
    this = number(version)
    reached: dict[str, bool] = {}  # the rows name few releases, many times

    def holds(row: Row) -> bool:
        for point in (row.since, row.until):
            if point is not None and point not in reached:
                reached[point] = number(point) <= this
        return reached[row.since] and (row.until is None or not reached[row.until])

    return Rules(
        version=version,
        keys=tuple(key for key in KEYS if holds(key)),
        defaults={
            row.key: row.value
            for row in DEFAULTS
            if holds(row) and (row.windows is None or row.windows == windows)
        },
        backends=tuple(row.name for row in BACKENDS if holds(row)),
        variables={row.sets: row for row in VARIABLES if holds(row)},
        ways={row.what: row.how for row in WAYS if holds(row)},
    )


def _holds(row: Row, this: tuple[int, ...]) -> bool:
    return number(row.since) <= this and (row.until is None or this < number(row.until))
