"""State: what has been asked for so far, as an immutable value.

Every command that changes something gives a new State, so undo is a list. Pure data, no I/O. What a
field does stands in its part: parts/.
"""

from __future__ import annotations

from nsh.linux.namespaces import flags_of
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.linux.idmaps import Range
    from nsh.linux.namespaces import NewFlags


class Mount(Value):
    """One mount to make: ``mount FSTYPE SOURCE TARGET -o OPTIONS``. See mount(2)."""

    fstype: str
    source: str
    target: str
    options: str = ""


class Umount(Value):
    """One mount to take away; ``lazy`` is umount2(2)'s MNT_DETACH."""

    target: str
    lazy: bool = False


class Propagation(Value):
    """What crosses between one mount and its peers: ``mount --make-KIND`` of mount(8).

    kind  private, slave, shared or unbindable; with an r in front, of the mounts below it too
    """

    kind: str
    target: str


if TYPE_CHECKING:
    Entry = Mount | Umount | Propagation
    """What stands in the queue of mounts."""


class Variable(Value):
    """A change of the environment: NAME=VALUE, or for the value None no NAME at all."""

    name: str
    value: str | None


class Limit(Value):
    """A limit on a resource, by its name without RLIMIT_: the soft and the hard one, None for none."""

    name: str
    soft: int | None
    hard: int | None


class User(Value):
    """Who the command is: its uid, its gid or None to keep nsh's groups, and its other groups."""

    uid: int
    gid: int | None = None
    groups: tuple[int, ...] = ()


class Join(Value):
    """Namespaces to be in that are there already: of a child by its name, a process, or a file.

    kinds  which of them, () for all in which the target differs from nsh
    """

    target: str
    kinds: tuple[str, ...] = ()


class State(Value):
    """What the next run will get.

    flags        names of the new namespaces, in the order they were asked for
    hostname     the host name inside, or None to leave it
    domainname   the NIS domain name inside, or None
    mounts       mounts, umounts and changes of a mount's propagation, in the order typed
    propagation  private, slave, shared or unchanged, for / inside, before the mounts
    uidmap       "root", "self", "auto", or ranges; empty: no map, ids are the overflow ids
    gidmap       likewise
    setgroups    "allow", "deny", or None: deny where the kernel demands it
    cwd          the directory inside, or None to stay
    env          changes of the environment, in the order asked for
    umask        the permissions that new files do not get, or None to leave it
    nice         from -20, much of the processors, to 19, little; or None to leave it
    rlimits      limits on resources, one for each name, in the order asked for
    user         who the command is inside, or None to stay who it is
    joins        namespaces to be in before any new one is made
    init         whether PID 1 is nsh's own init, which starts the command
    """

    flags: tuple[str, ...] = ()
    hostname: str | None = None
    domainname: str | None = None
    mounts: tuple[Entry, ...] = ()
    propagation: str = "private"
    uidmap: str | tuple[Range, ...] = ()
    gidmap: str | tuple[Range, ...] = ()
    setgroups: str | None = None
    cwd: str | None = None
    env: tuple[Variable, ...] = ()
    umask: int | None = None
    nice: int | None = None
    rlimits: tuple[Limit, ...] = ()
    user: User | None = None
    joins: tuple[Join, ...] = ()
    init: bool = False

    @property
    def clone_flags(self) -> NewFlags:
        """The flags as one number for unshare(2)."""
        return flags_of(self.flags)

    @property
    def has_maps(self) -> bool:
        """Whether a file of the child's user namespace is to be written."""
        return bool(self.uidmap or self.gidmap or self.setgroups)

    def has(self, name: str) -> bool:
        """Whether a new namespace of that kind is asked for."""
        return name in self.flags

    def with_env(self, name: str, value: str | None) -> State:
        """A copy in which a later run sees NAME=VALUE, or no NAME at all for None."""
        kept = tuple([variable for variable in self.env if variable.name != name])
        return self.replace(env=(*kept, Variable(name, value)))


START = State()
"""The state that nsh starts with: no new namespaces, nothing changed."""
