"""Whether a name is a slip of another: cheap, and strict enough not to cry wolf over custom names.

`keras.names` asks difflib what somebody who typed a command might have meant; here nobody asked,
so a guess must be near: one letter wrong, missing, added or exchanged with its neighbour, in long
names two.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

LONG = 11
"""Letters from which on two slips still leave no doubt."""
LONGEST = 60
"""Letters beyond which no name is looked at."""


def squeezed(name: str) -> str:
    """The letters and digits alone, in lower case: `Image-Data-Format` is `imagedataformat`."""
    return "".join(char for char in name.lower() if char.isalnum())


def slip_of(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is a slip of; None where it is none, or is known itself."""
    names = tuple(known)
    if name in names or len(name) > LONGEST:
        return None
    word = squeezed(name)
    for right in names:
        target = squeezed(right)
        most = 2 if len(target) >= LONG else 1
        if abs(len(word) - len(target)) <= most and distance(word, target, most) <= most:
            return right
    return None


def distance(a: str, b: str, most: int) -> int:
    """Letters to change, add, take away or swap with a neighbour; may be any number above `most`.

    (The optimal string alignment distance.)
    """
    if a == b:
        return 0
    if len(set(a) ^ set(b)) > 2 * most:  # each slip changes at most two letters' presence
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most + 1:
            return most + 1
    return row[-1]
