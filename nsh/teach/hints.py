"""Hints: which of the surprises of namespaces a run has just met. Pure.

That a surprise is there is a fact of the state: a new pid namespace below the host's /proc, a new
mount namespace with nothing mounted in it. Whether the run met it, its words tell: looks.py. A shell
looks at everything.
"""

from __future__ import annotations

from nsh.state import Mount, State, Umount
from nsh.teach import looks
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


class Hint(Value):
    """One surprise.

    name   what it is called: each is given once
    text   why it happens
    fixes  lines to type
    again  whether the line is a good one to type again after the first of them
    """

    name: str
    text: str
    fixes: tuple[str, ...]
    again: bool = True

    def __repr__(self) -> str:
        return f"<Hint {self.name}>"


PROC = Hint(
    "proc",
    "new pid namespace, yet the host's processes: /proc is the host's",
    ("flags +mnt; mount proc /proc",),
)
MOUNTS = Hint(
    "mounts",
    "new mount namespace, yet the same mounts: it starts as a copy",
    ("mount tmpfs /mnt",),
)
NAME = Hint(
    "name",
    "new uts namespace, yet the old host name: it is inherited as a copy",
    ("hostname box",),
)
NOBODY = Hint(
    "nobody",
    "new user namespace without a map: every id shows as nobody, 65534",
    ("map root",),
)
GROUPS = Hint(
    "groups",
    "another uid, yet nsh's groups: user UID changes the uid alone",
    ("user 65534:65534",),
)
JOINED = Hint(
    "joined",
    "joined pid namespace, yet the host's processes: /proc belongs to the mnt namespace, which is"
    " not joined",
    ("flags +mnt; mount proc /proc",),
)
LEFT = Hint(
    "left",
    "what a run leaves in the background lives on, but not with +pid",
    ("flags +pid",),
)
CUT_OFF = Hint(
    "cut off",
    "what was in the background is gone: PID 1 ended, and all ends with it",
    ("help start",),
)
LOOPBACK = Hint(
    "loopback",
    "new net namespace: it has a loopback of its own, and that is down",
    ("sh ip link set lo up; ip addr",),
    again=False,
)
UNREACHABLE = "new net namespace: lo is down, so even 127.0.0.1 is unreachable"


def met(
    state: State,
    argv: list[str],
    status: int,
    given: Collection[str] = (),
    joined: Collection[str] = (),
) -> Hint | None:
    """The hint that a run of these words, which ended with that status, calls for; or None.

    ``given`` are the names of hints that were given already, ``joined`` the kinds of namespaces
    that the joins of the state lead to.

    >>> met(State(flags=("pid",)), ["ps", "aux"], 0)
    <Hint proc>
    >>> met(State(flags=("pid",)), ["true"], 0) is None
    True
    """
    if status in (125, 126, 127):
        return None
    sits = looks.sits(argv)
    commands = list(looks.commands(argv))
    for hint, there, at, changes in (
        (PROC, host_processes(state), looks.at_processes, looks.mounts_proc),
        (NOBODY, _unmapped(state), looks.at_users, None),
        (GROUPS, _own_groups(state), looks.at_users, None),
        (MOUNTS, _same_mounts(state), looks.at_mounts, looks.changes_mounts),
        (NAME, _same_name(state), looks.at_name, looks.changes_name),
        (LOOPBACK, state.has("net"), looks.at_network, looks.changes_network),
        (JOINED, _joined_processes(state, joined), looks.at_processes, looks.mounts_proc),
    ):
        if not there or hint.name in given:
            continue
        met = sits or any(at(*command) for command in commands)
        # A line that itself brings about what the hint would propose needs none.
        if met and not (changes and any(changes(*command) for command in commands)):
            return _unreachable(argv) if hint is LOOPBACK and status else hint
    if not sits and looks.leaves(argv):
        hint = CUT_OFF if state.has("pid") else LEFT
        if hint.name not in given and not (joined and hint is LEFT):
            return hint
    return None


def _unreachable(argv: list[str]) -> Hint:
    """The hint that the loopback is down, for a command that failed: its own line, if that helps.

    >>> _unreachable(["nc", "-z", "localhost", "80"]).fixes
    ('sh ip link set lo up; nc -z localhost 80',)
    """
    reaching = [found for found in looks.commands(argv) if looks.reaches(*found)]
    if not reaching:
        return LOOPBACK
    then = "ip addr"
    if any(name.startswith("ping") for name, _ in reaching):  # without -c it would go on for ever
        then = "ping -c1 127.0.0.1"
    elif any(looks.is_local(args) for _, args in reaching):
        then = looks.line_of(argv)
    return LOOPBACK.replace(text=UNREACHABLE, fixes=(f"sh ip link set lo up; {then}",))


# The facts.


def host_processes(state: State) -> bool:
    """Whether there is a new pid namespace, and /proc inside is still the host's."""
    if not state.has("pid"):
        return False
    for entry in state.mounts:
        shows = isinstance(entry, Mount) and "bind" in entry.fstype
        if entry.target == "/proc" and isinstance(entry, Mount | Umount) and not shows:
            return False
    return True


def _joined_processes(state: State, joined: Collection[str]) -> bool:
    """Whether a pid namespace is joined, and /proc is the host's."""
    return "pid" in joined and "mnt" not in joined and host_processes(state.replace(flags=("pid",)))


def _same_mounts(state: State) -> bool:
    return state.has("mnt") and not state.mounts


def _same_name(state: State) -> bool:
    return state.has("uts") and state.hostname is None


def _unmapped(state: State) -> bool:
    return state.has("user") and not state.uidmap


def _own_groups(state: State) -> bool:
    return state.user is not None and state.user.uid != 0 and state.user.gid is None
