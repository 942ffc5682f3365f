"""Records: made once, never changed, compared by their fields."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsh.call import Call, Ended, Polled, Slot
from nsh.state import START, Mount, State, Umount, Variable
from nsh.value import Value


class Point(Value):
    """A point."""

    x: int
    y: int = 0


class Pair(Value):
    """The same fields, another class."""

    x: int
    y: int = 0


class Nothing(Value):
    """No fields."""


class Nowhere(Value):
    """None here, either."""


def test_fields_by_place_by_name_and_by_default() -> None:
    assert (Point(1).x, Point(1).y) == (1, 0)
    assert Point(1, 2) == Point(y=2, x=1) == Point(1, y=2)
    assert Point._fields == ("x", "y")


@pytest.mark.parametrize("name", ["x", "y", "z", "_fields", "__class__"])
def test_nothing_in_it_can_be_changed(name: str) -> None:
    point = Point(1, 2)
    with pytest.raises(AttributeError, match=f"Point.{name} cannot be changed"):
        setattr(point, name, 3)
    with pytest.raises(AttributeError, match=f"Point.{name} cannot be changed"):
        delattr(point, name)
    assert (point.x, point.y) == (1, 2)
    assert not hasattr(point, "__dict__")


def test_equal_if_the_fields_and_the_class_are() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(2, 1)
    assert Point(1, 2) != Pair(1, 2)
    assert Point(1, 2) != (1, 2)
    assert Nothing() == Nothing()
    assert Nothing() != Nowhere()
    assert Umount("/a") != Umount("/a", lazy=True)


@given(st.integers(-2, 2), st.integers(-2, 2), st.integers(-2, 2), st.integers(-2, 2))
def test_equality_and_hash_are_those_of_the_fields(a: int, b: int, c: int, d: int) -> None:
    assert (Point(a, b) == Point(c, d)) == ((a, b) == (c, d))
    assert len({Point(a, b), Point(c, d), Point(a, b)}) == len({(a, b), (c, d)})
    assert {Point(a, b): 1}.get(Point(c, d)) == (1 if (a, b) == (c, d) else None)


def test_a_record_of_what_cannot_be_hashed_cannot_be() -> None:
    held: Any = [1]
    with pytest.raises(TypeError):
        hash(Point(held))
    assert Point(held) == Point(held)


def test_a_copy_with_changes_leaves_the_first_one() -> None:
    first = Point(1, 2)
    assert first.replace(y=3) == Point(1, 3)
    assert first.replace() == first == Point(1, 2)
    assert Nothing().replace() == Nothing()
    with pytest.raises(TypeError, match="'z'"):
        first.replace(z=1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Point(1), "Point(x=1)"),
        (Point(1, 0), "Point(x=1)"),
        (Point(0, 1), "Point(x=0, y=1)"),
        (Nothing(), "Nothing()"),
        (Mount("tmpfs", "none", "/m"), "Mount(fstype='tmpfs', source='none', target='/m')"),
        (START, "State()"),
        (START.replace(mounts=(Umount("/a"),)), "State(mounts=(Umount(target='/a'),))"),
    ],
)
def test_it_shows_what_differs_from_the_defaults(value: Value, text: str) -> None:
    assert repr(value) == text
    assert eval(repr(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        Point(1, 2),
        Nothing(),
        Ended(),
        START.replace(flags=("pid",), mounts=(Mount("tmpfs", "none", "/m"), Umount("/m", True))),
        Call("child", "poll", (Polled(Slot("a", "b", "c")), 1), "why", fills=("x",), entry=3),
    ],
)
def test_it_survives_pickle_and_copy(value: Value) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert (type(again), again) == (type(value), value)
    assert copy.copy(value) == copy.deepcopy(value) == value


def shape(value: object) -> str:
    match value:
        case Point(0, y):
            return f"on the axis at {y}"
        case Point(x=x, y=0):
            return f"at {x}"
        case Point():
            return "somewhere"
        case Nothing():
            return "nothing"
    return "unknown"


def test_match_statements_take_it_apart() -> None:
    assert shape(Point(0, 7)) == "on the axis at 7"
    assert shape(Point(7)) == "at 7"
    assert shape(Point(7, 7)) == "somewhere"
    assert shape(Nothing()) == "nothing"
    assert shape(Pair(0, 7)) == "unknown"


WRONG: list[tuple[type[Any], tuple[Any, ...], dict[str, Any], str]] = [
    (Point, (), {}, "'x'"),
    (Point, (), {"y": 1}, "'x'"),
    (Point, (1, 2, 3), {}, "takes from 2 to 3 positional arguments but 4"),
    (Point, (1,), {"x": 2}, "'x'"),
    (Point, (1,), {"z": 2}, "'z'"),
    (Umount, (), {}, "'target'"),
    (Variable, ("NAME",), {}, "'value'"),
    (Mount, ("tmpfs",), {}, "'source' and 'target'"),
    (State, (), {"flag": ()}, "'flag'"),
    (Nothing, (), {"x": 1}, "argument"),
    (Nothing, (1,), {}, "argument"),
]


@pytest.mark.parametrize(("kind", "args", "named", "says"), WRONG)
def test_wrong_arguments_are_a_type_error_that_names_the_field(
    kind: type[Any], args: tuple[Any, ...], named: dict[str, Any], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        kind(*args, **named)


def test_a_default_after_which_none_stands_is_an_error_of_the_class() -> None:
    made: Any = type(Value)
    with pytest.raises(TypeError, match="Wrong: a field without a default"):
        made("Wrong", (Value,), {"__annotations__": {"x": "int", "y": "int"}, "x": 1})


def test_a_class_keeps_its_methods_and_properties() -> None:
    assert START.replace(flags=("pid",)).has("pid")
    assert Slot("a", "b").is_text
    assert not Slot("a").is_text
