"""How strace(1) prints the arguments of a call. An argument that has a form of its own knows it."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Self

    Names = tuple[tuple[int, str], ...]
    """Flags and their names, in strace's order."""

_ESCAPES = {
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\v": "\\v",
    "\f": "\\f",
    '"': '\\"',
    "\\": "\\\\",
}


def c_string(text: str | bytes) -> str:
    r"""A text as strace writes it: double quotes, \n and octal escapes, one per byte.

    >>> c_string("a\tb\x01é")
    '"a\\tb\\1\\303\\251"'
    """
    data = os.fsencode(text) if isinstance(text, str) else text
    out: list[str] = []
    for at, byte in enumerate(data):
        char = chr(byte)
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif 32 <= byte < 127:
            out.append(char)
        elif at + 1 < len(data) and chr(data[at + 1]) in "01234567":
            out.append(f"\\{byte:03o}")
        else:
            out.append(f"\\{byte:o}")
    return '"' + "".join(out) + '"'


def symbols(number: int, names: Names) -> str:
    """A bit set as the names of its flags; what has no name is left as a hexadecimal number."""
    found = [name for flag, name in names if number & flag]
    for flag, _ in names:
        number &= ~flag
    if number:
        found.append(hex(number))
    return "|".join(found) or "0"


class Form:
    """An argument with a form of its own."""

    __slots__ = ()

    def strace(self) -> str:
        """As strace prints it."""
        raise NotImplementedError


class Packed(Form):
    """An argument that is a structure in memory: C gets a pointer to its bytes."""

    __slots__ = ()

    def pack(self) -> bytes | None:
        """The bytes, None for the pointer NULL."""
        raise NotImplementedError


class Named(int, Form):
    """A constant that is printed by its name.

    >>> Named(9, "SIGKILL").strace(), Named(9, "SIGKILL") + 1
    ('SIGKILL', 10)
    """

    name: str

    def __new__(cls, number: int, name: str) -> Self:
        """The number with its name."""
        made = super().__new__(cls, number)
        made.name = name
        return made

    def __getnewargs__(self) -> tuple[int, str]:  # type: ignore[override]
        return int(self), self.name

    def strace(self) -> str:
        """The name."""
        return self.name


class Flags(int, Form):
    """A bit set that is printed as the names of its flags; a class of its own for each table.

    >>> class Sides(Flags):
    ...     __slots__ = ()
    ...     names = ((1, "LEFT"), (2, "RIGHT"))
    >>> Sides(3).strace(), Sides(0).strace(), Sides(5).strace()
    ('LEFT|RIGHT', '0', 'LEFT|0x4')
    """

    __slots__ = ()
    names: ClassVar[Names] = ()

    def strace(self) -> str:
        """The names, joined by ``|``."""
        return symbols(self, self.names)


class Octal(int, Form):
    """A number that is printed in octal, such as a mode.

    >>> Octal(0o27).strace(), Octal(0).strace()
    ('027', '000')
    """

    __slots__ = ()

    def strace(self) -> str:
        """A leading zero and at least two octal digits more: umask(022), and umask(000)."""
        return f"0{self:02o}"


class Rlimit(Packed):
    """A struct rlimit64: the soft and the hard limit, None for no limit. See prlimit(2).

    >>> Rlimit(100, 4096).strace(), Rlimit(0, None).strace()
    ('{rlim_cur=100, rlim_max=4*1024}', '{rlim_cur=0, rlim_max=RLIM64_INFINITY}')
    """

    __slots__ = ("hard", "soft")

    def __init__(self, soft: int | None, hard: int | None) -> None:
        self.soft = soft
        self.hard = hard

    def strace(self) -> str:
        """With multiples of 1024 as products, as strace has them."""
        return f"{{rlim_cur={_product(self.soft)}, rlim_max={_product(self.hard)}}}"

    def pack(self) -> bytes:
        """Two unsigned numbers of 64 bits."""
        both = [2**64 - 1 if limit is None else limit for limit in (self.soft, self.hard)]
        return b"".join([limit.to_bytes(8, sys.byteorder) for limit in both])


class SignalNames(tuple[int, ...], Form):
    """A set of signals.

    >>> SignalNames((15, 2, 17)).strace()
    '[INT TERM CHLD]'
    """

    __slots__ = ()

    def strace(self) -> str:
        """The names without SIG, in the order of their numbers."""
        import signal

        names = [signal.Signals(number).name.removeprefix("SIG") for number in sorted(self)]
        return f"[{' '.join(names)}]"


class Ids(Packed):
    """A list of group ids, as setgroups(2) takes it.

    >>> Ids((5, 6)).strace(), Ids(()).strace(), Ids(()).pack()
    ('[5, 6]', 'NULL', None)
    """

    __slots__ = ("ids",)

    def __init__(self, ids: tuple[int, ...]) -> None:
        self.ids = ids

    def strace(self) -> str:
        """The numbers in brackets."""
        return f"[{', '.join([str(each) for each in self.ids])}]" if self.ids else "NULL"

    def pack(self) -> bytes | None:
        """Unsigned numbers of 32 bits."""
        return b"".join([each.to_bytes(4, sys.byteorder) for each in self.ids]) or None


def _product(limit: int | None) -> str:
    if limit is None:
        return "RLIM64_INFINITY"
    return f"{limit // 1024}*1024" if limit > 1024 and limit % 1024 == 0 else str(limit)


def argument(value: object) -> str:
    """One argument as strace prints it: NULL, a text in quotes, a number, or in its own form.

    >>> argument(None), argument("/tmp"), argument(3), argument(Octal(0o22))
    ('NULL', '"/tmp"', '3', '022')
    """
    if value is None:
        return "NULL"
    if isinstance(value, str | bytes):
        return c_string(value)
    return value.strace() if isinstance(value, Form) else str(value)
