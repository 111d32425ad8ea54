"""Checks of the text: is it JSON that Keras can read?

One fault is told, the first: what stands behind it can't be judged. `kcfg.syntax` names it,
`kcfg.repair` knows the edits; here is said what follows for the release that judges.
"""

from __future__ import annotations

from kcfg.checks.found import (
    by_hand,
    in_file,
    in_text,
    mend,
    problem,
    quote,
    start_anew,
    would_raise,
)
from kcfg.problems import ERROR, WARNING

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcfg.document import Fault
    from kcfg.problems import Fix, Problem
    from kcfg.situation import Situation

OWN_CHECK = ("bom", "empty", "merge-conflict", "not-utf-8", "nul", "too-deep", "utf-16", "utf-32")
"""Faults that have a check of their own; all others are `malformed-json`."""

LONGEST_MENDED = 100_000
"""Characters: no keras.json is as long, and what isn't one need not be mended."""

CURES = {
    "html": "save the file itself, not the page that shows it",
    "truncated": "write the rest",
    "yaml": "write it as JSON",
    "second-document": "keep one of them",
    "heredoc": "delete the shell's lines",
}


def malformed_json(situation: Situation) -> Iterator[Problem]:
    """The text is not JSON.

    From 2.0.3 on Keras takes such a file for an empty one, without a word: every setting in it is
    lost, and the defaults hold. Before, the import fails.

    The place is the first character that can't stand there. `kcfg check --fix` mends what can mean
    only one thing: trailing and missing commas, single and curly quotes, odd spaces, Python's True
    and False; with --unsafe-fixes also comments, which it takes away. The original is kept as
    keras.json.bak.

    Read in: the `except ValueError` around json.load (keras/src/backend/config.py of 3.x,
    keras/backend/__init__.py up to 2.2.4). Reports: keras#5295, vgg-benchmarks#9.
    """
    fault = _fault(situation)
    if fault is None or fault.kind in OWN_CHECK:
        return
    fix = _repair(situation)
    message = f"this is not JSON: {fault.message}"
    if fix is None and fault.kind in CURES:
        message += f"; {CURES[fault.kind]}"
    yield _about(situation, "malformed-json", fault, message, fix or start_anew(situation))


def bom(situation: Situation) -> Iterator[Problem]:
    """A byte order mark stands before the text.

    Windows' editors and PowerShell's `Out-File -Encoding utf8` put it there, and nobody sees it.
    Python's json refuses it, so that Keras takes the file for an empty one, without a word, from
    2.0.3 on; before, the import fails.

    `kcfg check --fix` takes it away.

    Read in: json.loads of CPython ("Unexpected UTF-8 BOM"), and keras/src/backend/config.py.
    """
    fault = _fault(situation, "bom")
    if fault is not None:
        message = "a byte order mark (BOM), as some editors and PowerShell write it, which JSON "
        message += "does not allow"
        fix = mend(situation, ((fault.offset, fault.offset + 1, ""),), safe=True)
        yield _about(situation, "bom", fault, message, fix)


def utf_16(situation: Situation) -> Iterator[Problem]:
    """The file is UTF-16 or UTF-32, and Keras reads UTF-8.

    PowerShell 5's `>` and `Out-File` write UTF-16. Decoding fails with a UnicodeDecodeError, which
    is a ValueError: Keras takes the file for an empty one, without a word, from 2.0.3 on; before,
    the import fails.

    `kcfg check --fix` writes the same text as UTF-8, where a byte order mark leaves no doubt.

    Read in: keras/src/backend/config.py.
    """
    fault = _fault(situation, "utf-16", "utf-32")
    document = situation.document()
    if fault is None or document is None:
        return
    # Without a mark, or cut in half, its bytes were taken for UTF-8: NULs, lone surrogates.
    marked = "\0" not in document.text and not _has_escaped_bytes(document.text)
    fix = mend(situation, ((0, 0, ""),), safe=True) if marked else start_anew(situation)
    yield _about(situation, "utf-16", fault, fault.message, fix)


def not_utf_8(situation: Situation) -> Iterator[Problem]:
    """Bytes that are no UTF-8.

    A file in Latin-1 or another old encoding. Decoding fails with a UnicodeDecodeError, which is a
    ValueError: Keras takes the file for an empty one, without a word, from 2.0.3 on; before, the
    import fails.

    Save it as UTF-8; plain ASCII is best.

    Read in: keras/src/backend/config.py.
    """
    fault = _fault(situation, "not-utf-8")
    if fault is not None:
        message = f"{fault.message}; save the file as UTF-8"
        yield _about(situation, "not-utf-8", fault, message, start_anew(situation))


def empty_file(situation: Situation) -> Iterator[Problem]:
    """The file is empty.

    A crash, a full disk or a redirection left it so; or another process is writing it just now,
    as `import keras` itself does on its first run. Keras uses its defaults without a word, from
    2.0.3 on, and never fills the file; before, the import fails.

    `kcfg check --fix --unsafe-fixes` writes Keras's own defaults into it.

    Read in: keras/src/backend/config.py. Report: vgg-benchmarks#9.
    """
    fault = _fault(situation, "empty")
    document = situation.document()
    if fault is None or document is None:
        return
    from kcfg.keras.first_run import first_file

    text = first_file(situation.rules).decode()
    fix = mend(situation, ((0, len(document.text), text),), safe=False)
    yield _about(situation, "empty-file", fault, "the file is empty", fix)


def nul_bytes(situation: Situation) -> Iterator[Problem]:
    """NUL bytes in the file.

    A crash or a full disk left them where text was to be written. Keras takes the file for an
    empty one, without a word, from 2.0.3 on; before, the import fails.

    Nobody knows what stood there: write the file anew.

    Read in: keras/src/backend/config.py.
    """
    fault = _fault(situation, "nul")
    if fault is not None:
        yield _about(situation, "nul-bytes", fault, fault.message, start_anew(situation))


def merge_conflict(situation: Situation) -> Iterator[Problem]:
    """The marks of a merge conflict that nobody resolved.

    Keras takes the file for an empty one, without a word, from 2.0.3 on; before, the import fails.

    Keep one of the two sides, and delete the three lines of marks. No tool can choose for you.

    Read in: keras/src/backend/config.py.
    """
    fault = _fault(situation, "merge-conflict")
    if fault is None:
        return
    line = in_text(situation, fault.offset)[1]
    path = situation.discovery.path
    fix = None
    if path != "-":
        fix = by_hand(f"${{EDITOR:-vi}} +{line} {quote(path)}")
    message = f"{fault.message}: keep one side, and delete the marks"
    yield _about(situation, "merge-conflict", fault, message, fix)


def too_deep(situation: Situation) -> Iterator[Problem]:
    """Brackets nested too deep for Python's json.

    json.load raises a RecursionError, which Keras catches in no release: `import keras` fails. How
    deep is too deep depends on the Python; about 900 brackets are always too many.

    Nothing that Keras reads is nested: write the file anew.

    Read in: the recorded runs of nine releases.
    """
    fault = _fault(situation, "too-deep")
    failure = situation.reading.failure
    if fault is None and failure is not None and failure.error == "RecursionError":
        where = in_file(situation)
        message = "brackets inside brackets, deeper than Python's json can follow"
    elif fault is not None:
        where = in_text(situation, fault.offset)
        message = fault.message
    else:
        return
    severity, keras = _consequence(situation)
    fix = start_anew(situation)
    yield problem("too-deep", severity, where, message, keras=keras, fix=fix)


def not_an_object(situation: Situation) -> Iterator[Problem]:
    """The text is JSON, but no object: a list, a number, a string, null.

    Keras calls `.get` on it, and the AttributeError is caught in no release: `import keras` fails.

    Write the pairs in braces, {"backend": "jax"}, or start anew.

    Read in: keras/src/backend/config.py (`_config.get`).
    """
    document = situation.document()
    failure = situation.reading.failure
    if document is None or document.fault or failure is None or document.kind == "object":
        return
    kind = {"word": "a word", "array": "a list"}.get(str(document.kind), f"a {document.kind}")
    message = f"this is JSON, but {kind} and no object; write pairs in braces: {{...}}"
    yield problem(
        "not-an-object",
        ERROR,
        in_text(situation, document.opening),
        message,
        keras=would_raise(situation, failure),
        fix=start_anew(situation),
    )


def _fault(situation: Situation, *kinds: str) -> Fault | None:
    """The text's fault, if it is of one of these kinds (none named: of any)."""
    document = situation.document()
    fault = document.fault if document is not None else None
    return fault if fault is not None and (not kinds or fault.kind in kinds) else None


def _about(situation: Situation, code: str, fault: Fault, message: str, fix: Fix | None) -> Problem:
    severity, keras = _consequence(situation)
    where = in_text(situation, fault.offset)
    return problem(code, severity, where, message, keras=keras, fix=fix)


def _consequence(situation: Situation) -> tuple[str, str]:
    reading = situation.reading
    version = situation.rules.version
    if reading.failure is not None:
        return ERROR, would_raise(situation, reading.failure)
    if reading.ignored is not None:
        told = f"Keras {version} ignores the whole file without a word, and uses its defaults"
        return ERROR, told
    return WARNING, "this Python can read it, another one would raise an error"


def _repair(situation: Situation) -> Fix | None:
    """All that makes the text valid, as one fix; None where that takes a person."""
    from kcfg.repair import repairs

    document = situation.document()
    if document is None or len(document.text) > LONGEST_MENDED:
        return None
    found = repairs(document.text)
    if not found:
        return None
    edits = [(edit.start, edit.end, edit.text) for repair in found for edit in repair.edits]
    return mend(situation, edits, safe=all(repair.safe for repair in found))


def _has_escaped_bytes(text: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in text)
