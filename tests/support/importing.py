"""Imports the real Keras many times, each time in a process that never had it.

    python -m tests.support.importing

What Keras itself imports is loaded once, a fork then imports Keras: a sixth of the time. Reads a
directory for KERAS_HOME a line; answers each with a line of JSON: [floatx, repr(epsilon),
image_data_format], or the name of the exception as a traceback ends with it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback

LOADED_ONCE = [
    *("absl.logging", "h5py", "ml_dtypes", "optree", "rich.console", "scipy.linalg"),
    *("scipy.signal", "jax.numpy", "jax.scipy.linalg", "jax.experimental.sparse"),
    "jax.experimental.pallas.ops.tpu.splash_attention",
]
"""Only time depends on them: what is missing here, Keras imports itself."""


def imported(directory: str) -> list[str] | str:
    os.environ.update(KERAS_HOME=directory, KERAS_BACKEND="numpy", HOME=directory)
    try:
        import keras

        held = keras.config
        return [held.floatx(), repr(held.epsilon()), held.image_data_format()]
    except Exception as error:
        return traceback.format_exception_only(error)[-1].splitlines()[-1].partition(":")[0]


def main() -> None:
    for name in LOADED_ONCE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    assert "keras" not in sys.modules
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.dup2(2, 1)  # what Keras prints is no answer
                with open(writing, "w", encoding="utf-8") as answer:
                    json.dump(imported(line.rstrip("\n")), answer)
            finally:
                os._exit(0)
        os.close(writing)
        with open(reading, encoding="utf-8") as answer:
            print(answer.read() or "null", flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
