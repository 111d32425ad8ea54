import pytest

from kcfg.record import Record


class Point(Record):
    x: int
    y: int = 0


class Named(Point):
    name: str


def test_fields_are_given_by_position_or_by_name():
    assert Point(1, 2) == Point(x=1, y=2)
    assert Point(1).y == 0
    assert Named(1, 2, "a").name == "a"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param((), {}, id="a-field-is-missing"),
        pytest.param((1, 2, 3), {}, id="too-many"),
        pytest.param((1,), {"x": 1}, id="given-twice"),
        pytest.param((1,), {"z": 1}, id="unknown"),
    ],
)
def test_wrong_fields_are_refused(values, named):
    with pytest.raises(TypeError):
        Point(*values, **named)


def test_a_record_does_not_change():
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2
    assert point.replace(x=5) == Point(5)
    assert point == Point(1)


def test_records_compare_and_hash_by_type_and_fields():
    assert len({Point(1), Point(1), Point(2)}) == 2
    assert Point(1) != (1, 0)
    assert Named(1, 0, "a") != Point(1)
    assert hash(Point(1)) == hash(Point(1, 0))


def test_repr_shows_the_fields():
    assert repr(Named(1, 2, "a")) == "Named(x=1, y=2, name='a')"
