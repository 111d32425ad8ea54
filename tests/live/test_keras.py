"""A real `import keras` beside `kcfg show --json`: what Keras says, kcfg says.

The `test` extra brings Keras and, for its numpy backend, scipy; the numpy backend is forced through
KERAS_BACKEND or the file wherever the configuration would otherwise want another one.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        importlib.util.find_spec("keras") is None, reason="no Keras for this Python"
    ),
]

ASK = """
import json
try:
    import keras
    from keras.src.backend import config
    held = {
        "floatx": keras.config.floatx(),
        "epsilon": repr(keras.config.epsilon()),
        "backend": keras.config.backend(),
        "image_data_format": keras.config.image_data_format(),
        "nnx_enabled": config.is_nnx_enabled(),
    }
    answer = {"values": held, "fails": None, "keras": keras.__version__}
except Exception as error:
    answer = {"fails": {"error": type(error).__name__, "message": str(error)}}
print(json.dumps(answer))
"""

NUMPY = {"KERAS_BACKEND": "numpy"}
GOOD = '{"floatx": "float16", "epsilon": 1e-05, "backend": "%s"}'


@pytest.mark.parametrize(
    ("text", "env"),
    [
        pytest.param(None, NUMPY, id="no-file"),
        pytest.param(GOOD % "numpy", {}, id="all-from-the-file"),
        pytest.param(GOOD % "jax", NUMPY, id="variable-wins"),
        pytest.param(GOOD % "numpy", {"KERAS_BACKEND": ""}, id="empty-variable"),
        pytest.param('{"floatx": "float64",}', NUMPY, id="trailing-comma-is-ignored"),
        pytest.param("\ufeff{}", NUMPY, id="byte-order-mark-is-ignored"),
        pytest.param('{"image_data_format": "channels_first"}', NUMPY, id="channels-first"),
        pytest.param('{"floatx": "bfloat16"}', NUMPY, id="bfloat16"),
        pytest.param('{"epsilon": 1}', NUMPY, id="integer-epsilon"),
        pytest.param('{"epsilon": NaN}', NUMPY, id="nan"),
        pytest.param('{"image_data_format": "NCHW"}', NUMPY, id="nchw"),
        pytest.param('{"backend": "theano"}', {}, id="theano"),
        pytest.param("[]", NUMPY, id="no-object"),
        pytest.param('{"floatx": ["float32"]}', NUMPY, id="list"),
        pytest.param("{}", {"KERAS_BACKEND": " numpy"}, id="blank-in-variable"),
        pytest.param("{}", {**NUMPY, "KERAS_MAX_EPOCHS": "many"}, id="max-epochs"),
        pytest.param("{}", {**NUMPY, "KERAS_HOME": "~/elsewhere"}, id="tilde-in-KERAS_HOME"),
    ],
)
def test_kcfg_says_what_keras_says(home, text, env):
    if text is not None:
        home.write(text)
    shown = json.loads(home.kcfg("show", "--json", env={**env, "VIRTUAL_ENV": ""}).stdout)
    ran = subprocess.run(
        [sys.executable, "-c", ASK],
        env=home.env(env),
        cwd=home.cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    keras = json.loads(ran.stdout.splitlines()[-1])
    if keras["fails"] is None:
        assert shown["fails"] is None
        assert shown["keras"] == keras["keras"]
        values = {name: held["value"] for name, held in shown["values"].items()}
        epsilon = values["epsilon"]
        values["epsilon"] = epsilon if isinstance(epsilon, str) else repr(epsilon)
        assert values == keras["values"]
    else:
        assert shown["fails"]["error"] == keras["fails"]["error"]
        if keras["fails"]["error"] in ("ValueError", "ImportError"):
            assert shown["fails"]["message"] == keras["fails"]["message"]
