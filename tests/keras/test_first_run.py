"""The first file: byte for byte what each recorded release wrote itself."""

from __future__ import annotations

import base64

import pytest

from kcfg.keras.first_run import first_file
from kcfg.keras.releases import rules
from tests.conformance.cases import CLIENTS, cases


@pytest.mark.parametrize("client", CLIENTS)
def test_first_file_is_what_keras_wrote(client):
    case = next(case for case in cases(client) if case["id"] == "home/normal/nofile")
    written = [file for file in case["files_after"] if file["kind"] == "file"]
    assert first_file(rules(client.removeprefix("keras-"))) == base64.b64decode(
        written[0]["bytes_b64"]
    )


def test_the_earliest_releases_wrote_one_line():
    assert first_file(rules("1.0.0")) == (
        b'{"floatx": "float32", "epsilon": 1e-07, "backend": "theano"}\n'
    )
