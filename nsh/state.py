"""State: what has been asked for so far, as an immutable value.

Every command that changes something gives a new State, so undo is a list. Pure data, no I/O.
"""

from __future__ import annotations

from nsh.namespaces import flags_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

Range = tuple[int, int, int]
"""One line of a uid or gid map: first id inside, first id outside, how many."""

PROPAGATIONS = ("private", "slave", "shared", "unchanged")
MAPS = ("root", "self", "auto", "none")


class Mount:
    """One mount to make: ``mount FSTYPE SOURCE TARGET -o OPTIONS``. See mount(2)."""

    __slots__ = ("fstype", "options", "source", "target")

    def __init__(self, fstype: str, source: str, target: str, options: str = "") -> None:
        self.fstype = fstype
        self.source = source
        self.target = target
        self.options = options

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mount) and _slots(self) == _slots(other)

    def __hash__(self) -> int:
        return hash(_slots(self))

    def __repr__(self) -> str:
        return f"Mount({self.fstype!r}, {self.source!r}, {self.target!r}, {self.options!r})"


class Umount:
    """One mount to take away; ``lazy`` is umount2(2)'s MNT_DETACH."""

    __slots__ = ("lazy", "target")

    def __init__(self, target: str, lazy: bool = False) -> None:
        self.target = target
        self.lazy = lazy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Umount) and _slots(self) == _slots(other)

    def __hash__(self) -> int:
        return hash(_slots(self))

    def __repr__(self) -> str:
        return f"Umount({self.target!r}, {self.lazy!r})"


def _slots(value: object) -> tuple[object, ...]:
    return tuple([getattr(value, name) for name in type(value).__slots__])  # type: ignore[attr-defined]


class State:
    """What the next run will get.

    flags        names of the new namespaces, in the order they were asked for
    hostname     the host name inside, or None to leave it
    domainname   the NIS domain name inside, or None
    mounts       mounts and umounts, in the order typed
    propagation  one of PROPAGATIONS, for / inside, before the mounts
    uidmap       "root", "self", "auto", or ranges; empty: no map, ids are the overflow ids
    gidmap       likewise
    setgroups    "allow", "deny", or None: deny where the kernel demands it
    cwd          the directory inside, or None to stay
    env          (name, value) to set, (name, None) to unset, in the order asked for
    """

    __slots__ = (
        "cwd",
        "domainname",
        "env",
        "flags",
        "gidmap",
        "hostname",
        "mounts",
        "propagation",
        "setgroups",
        "uidmap",
    )

    flags: Final[tuple[str, ...]]
    hostname: Final[str | None]
    domainname: Final[str | None]
    mounts: Final[tuple[Mount | Umount, ...]]
    propagation: Final[str]
    uidmap: Final[str | tuple[Range, ...]]
    gidmap: Final[str | tuple[Range, ...]]
    setgroups: Final[str | None]
    cwd: Final[str | None]
    env: Final[tuple[tuple[str, str | None], ...]]

    def __init__(
        self,
        flags: tuple[str, ...] = (),
        hostname: str | None = None,
        domainname: str | None = None,
        mounts: tuple[Mount | Umount, ...] = (),
        propagation: str = "private",
        uidmap: str | tuple[Range, ...] = (),
        gidmap: str | tuple[Range, ...] = (),
        setgroups: str | None = None,
        cwd: str | None = None,
        env: tuple[tuple[str, str | None], ...] = (),
    ) -> None:
        self.flags = flags
        self.hostname = hostname
        self.domainname = domainname
        self.mounts = mounts
        self.propagation = propagation
        self.uidmap = uidmap
        self.gidmap = gidmap
        self.setgroups = setgroups
        self.cwd = cwd
        self.env = env

    def replace(self, **changes: Any) -> State:
        """A copy with the named fields changed."""
        fields = {name: getattr(self, name) for name in State.__slots__}
        fields.update(changes)
        return State(**fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and _slots(self) == _slots(other)

    def __hash__(self) -> int:
        return hash(_slots(self))

    def __repr__(self) -> str:
        start = State()
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name in State.__slots__
            if getattr(self, name) != getattr(start, name)
        ]
        return f"State({', '.join(changed)})"

    @property
    def clone_flags(self) -> int:
        """The flags as one number for unshare(2)."""
        return flags_of(self.flags)

    def has(self, name: str) -> bool:
        """Whether a new namespace of that kind is asked for."""
        return name in self.flags

    def with_env(self, name: str, value: str | None) -> State:
        """A copy in which a later run sees NAME=VALUE, or no NAME at all for None."""
        kept = tuple([pair for pair in self.env if pair[0] != name])
        return self.replace(env=(*kept, (name, value)))


START = State()
"""The state that nsh starts with: no new namespaces, nothing changed."""

RESETS: dict[str, tuple[str, ...]] = {
    "flags": ("flags",),
    "hostname": ("hostname",),
    "domainname": ("domainname",),
    "mount": ("mounts",),
    "mounts": ("mounts",),
    "propagation": ("propagation",),
    "map": ("uidmap", "gidmap", "setgroups"),
    "uidmap": ("uidmap",),
    "gidmap": ("gidmap",),
    "setgroups": ("setgroups",),
    "cd": ("cwd",),
    "env": ("env",),
    "all": State.__slots__,
}
"""What ``reset WHAT`` puts back: the fields of State that each word stands for."""


def reset(state: State, what: str) -> State:
    """The state with the fields of ``RESETS[what]`` as they are at the start."""
    return state.replace(**{name: getattr(START, name) for name in RESETS[what]})
