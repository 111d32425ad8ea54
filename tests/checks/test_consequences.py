"""An error is what real Keras makes of it: held against every recorded run of nine releases."""

from __future__ import annotations

import posixpath

import pytest

from kcfg.checks import mending, registry
from kcfg.situation import Situation, observe
from kcfg.world import World
from tests.checks.test_examples import ALL as EXAMPLES
from tests.conformance.cases import CLIENTS, Case, cases, placed
from tests.conformance.test_recorded import SITE, _given_files

IGNORED = {
    *("malformed-json", "empty-file", "bom", "utf-16", "not-utf-8", "nul-bytes"),
    *("merge-conflict", "home-passed-over", "keras-home-names-file", "keras-home-not-directory"),
}
"""Errors without an exception: Keras silently doesn't do what the file or the variable says."""

RECORDED = [
    pytest.param(
        *(client, case),
        id=f"{client}/{case['id']}",
        marks=pytest.mark.slow if case["id"].endswith("keys-200000") else (),
    )
    for client in CLIENTS
    for case in cases(client)
]


def distinct_texts() -> list[object]:
    """A case of each client for every text that is recorded, but for the giants."""
    found = {}
    for client in CLIENTS:
        for case in cases(client):
            texts = [file["bytes_b64"] for file in case["files"] if "bytes_b64" in file]
            if texts:
                found.setdefault((client, *texts), (client, case))
    return [pytest.param(*row, id=f"{row[0]}/{row[1]['id']}") for row in found.values()]


def observed(client: str, case: Case) -> Situation:
    case = placed(case, "/given")
    world = World(
        env=case["env"],
        cwd=case["cwd"],
        files=_given_files(case),
        user_home=lambda name: None if name else case["passwd_home"],
        paths=posixpath,
        module_path=(SITE,),
    )
    return observe(world, keras=client.removeprefix("keras-"))


@pytest.mark.parametrize(("client", "case"), RECORDED)
def test_errors_are_what_keras_does(client: str, case: Case) -> None:
    situation = observed(client, case)
    found = registry.run(situation)
    errors = {one.code for one in found if one.severity == "error"}
    if case["outcome"]["ok"]:
        assert errors <= IGNORED, "a false alarm: Keras takes it"
    else:
        assert errors, "Keras raises, and no check says so"
    for one in found:
        assert one.message
        assert not one.message.endswith(".")
        assert one.message == one.message.strip()
        if one.line is not None:
            document = situation.document()
            assert document is not None
            assert one.line <= document.text.count("\n") + document.text.count("\r") + 1


@pytest.mark.parametrize(("client", "case"), distinct_texts())
@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_mending_helps_and_ends(client: str, case: Case, unsafe: bool) -> None:
    situation = observed(client, case)
    mended = mending.mend(situation, unsafe=unsafe)
    if mended.data is None:
        return
    after = mending.holding(situation, mended.data)
    assert after.reading.ignored is None
    assert after.reading.mapping is not None
    again = mending.mend(after, unsafe=unsafe)
    assert again.data is None, "a second --fix would change it once more"
    left = registry.run(after, file_alone=True)
    assert not any(mending.mendable(one, unsafe=unsafe) for one in left)


def test_the_examples_cover_every_way_to_be_ignored() -> None:
    assert {row["code"] for row in EXAMPLES} >= IGNORED
