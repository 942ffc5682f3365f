"""Value: an immutable record. A class of annotated fields, made from them once, compared by them.

Written here because `dataclasses` and `collections.namedtuple` cost a script half its start-up.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, NoReturn, Self, dataclass_transform
else:

    def dataclass_transform(**_):  # type: ignore[no-untyped-def]
        return lambda cls: cls


class _Fields(type):
    """Makes slots of the annotations of a class; its ``__init__`` is made when it is first used."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
        fields = tuple(body.get("__annotations__", {}))
        defaults = {field: body.pop(field) for field in fields if field in body}
        if any(field in defaults for field in fields[: len(fields) - len(defaults)]):
            raise TypeError(f"{name}: a field without a default follows one that has one")
        body |= {"__slots__": fields, "__match_args__": fields}
        made: Any = super().__new__(cls, name, bases, body)
        made._fields, made._defaults = fields, defaults
        made.__init__ = _first_init
        return made  # type: ignore[no-any-return]


def _first_init(self: Any, *args: object, **named: object) -> None:
    _make_init(type(self))
    self.__init__(*args, **named)


def _make_init(kind: Any) -> None:
    """Give a class the ``__init__`` that sets its fields: as fast as one that is written by hand."""
    fields, defaults = kind._fields, kind._defaults
    takes = [f"{field}=defaults[{field!r}]" if field in defaults else field for field in fields]
    sets = [f"set_{field}(self, {field})" for field in fields]
    known = {f"set_{field}": getattr(kind, field).__set__ for field in fields}
    known["defaults"] = defaults
    exec(f"def __init__({', '.join(['self', *takes])}):\n {'; '.join(sets) or 'pass'}", known)
    kind.__init__ = known["__init__"]


@dataclass_transform(frozen_default=True)
class Value(metaclass=_Fields):
    """The base of all records: equal if its fields are, and never changed.

    >>> class Point(Value):
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1).replace(y=2), Point(1) == Point(1, 0), hash(Point(1)) == hash(Point(1))
    (Point(x=1), Point(x=1, y=2), True, True)
    """

    if TYPE_CHECKING:
        _fields: ClassVar[tuple[str, ...]]
        _defaults: ClassVar[dict[str, object]]

    def replace(self, **changes: Any) -> Self:
        """A copy with the named fields changed."""
        return type(self)(**{**{name: getattr(self, name) for name in self._fields}, **changes})

    def __setattr__(self, name: str, value: object = None) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed: replace() copies")

    __delattr__ = __setattr__

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), _of(self)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        # A loop, which ends at the first that differs, is faster here than all().
        for name in self._fields:  # noqa: SIM110
            if getattr(self, name) != getattr(other, name):
                return False
        return True

    def __hash__(self) -> int:
        return hash(_of(self))

    def __repr__(self) -> str:
        """What differs from the defaults."""
        known = self._defaults
        pairs = [(name, getattr(self, name)) for name in self._fields]
        shown = [f"{n}={v!r}" for n, v in pairs if n not in known or v != known[n]]
        return f"{type(self).__name__}({', '.join(shown)})"


def _of(value: Value) -> tuple[object, ...]:
    return tuple([getattr(value, name) for name in value._fields])
