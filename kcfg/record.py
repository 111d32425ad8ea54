"""Small immutable records for the rooms that must start fast.

A subclass names its fields as annotations; a value beside one in the class body is its default.
Fields are given by position or by name. Records compare and hash by their fields.

Why not `dataclasses` or `typing.NamedTuple`: importing them costs 20 ms and 13 ms of CPU beside
the 20 ms of a bare interpreter (CPython 3.10 and 3.13), and `kcfg get` is called from shell loops.
Type checkers see a frozen dataclass.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Record:
    """Base of all records; see the module's docstring."""

    _fields: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        own = tuple(name for name in cls.__annotations__ if not name.startswith("_"))
        cls._fields = cls._fields + own

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self._fields
        if len(values) == len(fields) and not named:  # the rows of the tables, at every start
            self.__dict__.update(zip(fields, values))  # noqa: B905
            return
        given = dict(zip(fields, values, strict=False))
        if (
            len(values) > len(fields)
            or named.keys() & given.keys()
            or not named.keys() <= set(fields)
        ):
            raise TypeError(f"{type(self).__name__} takes {fields}, not {values} and {named}")
        given.update(named)
        for name in fields:
            if name not in given and not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} lacks the field {name!r}")
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def replace(self, **changes: Any) -> Self:
        """A copy of this record with some fields changed."""
        return type(self)(**{name: getattr(self, name) for name in self._fields} | changes)

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self._fields)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), *self._values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({fields})"
