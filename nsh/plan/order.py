"""Order: the system calls that a run makes, one after the other, with who makes each and why.

This is the one place that knows the order; what a part of the state calls stands in parts/. Left
out is only bookkeeping: closing descriptors, signal masks, the child's reports of its failures, and
waiting for the end.
"""

from __future__ import annotations

from nsh.call import (
    CHILD,
    COMMAND,
    FORK,
    FORK_SIBLING,
    KEEPER,
    PARENT,
    PID_1,
    SECOND,
    THIRD,
    Call,
    Ends,
    Environment,
    Plan,
    Polled,
    Slot,
)
from nsh.errors import Refusal
from nsh.host import Host
from nsh.linux.constants import (
    O_CLOEXEC,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    SIGKILL,
    SIGTERM,
    PipeFlags,
)
from nsh.linux.namespaces import NAMESPACES
from nsh.parts import credentials, inherit, init, join, names, namespaces, rlimits
from nsh.parts.ids import calls as ids
from nsh.parts.mounts import calls as mounts
from nsh.parts.process import calls as process
from nsh.plan.guard import check
from nsh.state import State
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nsh.call import CloneFlags
    from nsh.linux.strace import Named
    from nsh.parts.join.targets import Target

UNSHARED = b"unshared\n"
GO = b"go\n"
READY = b"ready\n"


def plan(
    state: State,
    argv: list[str] | tuple[str, ...],
    host: Host,
    *,
    stays: bool = False,
    entering: int = 0,
) -> Plan:
    """The plan of ``run ARGV`` in that state on that host.

    ``stays``: of ``start``, below a keeper; without words the last process is a pause.
    ``entering``: of ``enter``, the process whose root and directory to take.
    Raises Refusal when a call in it would reach the host.
    """
    global _kept
    check(state, host)
    words = tuple(argv)
    if stays or entering or state.joins:  # they depend on what lives at the moment
        return _made(state, words, host, stays, entering)
    environ = host.environment(state.env)
    if _kept and _kept.is_of(state, words, host, environ):
        return _kept.plan
    made = _made(state, words, host)
    # Maps depend on files that may change: subuid(5), and where newuidmap(1) is.
    _kept = None if state.has_maps else _Kept(state, words, host, environ, made)
    return made


class _Kept(Value):
    """A plan with what it was made of: a loop runs the same line again and again."""

    state: State
    words: tuple[str, ...]
    host: Host
    environ: Environment
    plan: Plan

    def is_of(self, state: State, words: tuple[str, ...], host: Host, environ: Environment) -> bool:
        """Whether it would be made the same again."""
        same = self.state is state and self.host is host and self.environ is environ
        return same and self.words == words


_kept: _Kept | None = None


def _made(
    state: State, words: tuple[str, ...], host: Host, stays: bool = False, entering: int = 0
) -> Plan:
    way = _Way(state, host, stays)
    starts = state.init and bool(words)  # without a command, the pause is the init
    command = COMMAND if starts else way.last
    calls = (
        *way.begin(entering=entering),
        *way.second_fork(),
        *mounts.make(state, way.last),
        *names.calls(state, way.last),
        *process.enter(state, way.last),
        *inherit.calls(state, way.last),
        *rlimits.calls(state, way.last),
        *_change_user(state, host, way.last),
        *(init.forks() if starts else ()),
        *(process.become(state, words, host, command) if words else init.pause(way.last)),
        *(init.waits() if starts else ()),
    )
    return Plan(calls, command, state, words)


def probe(state: State, host: Host) -> Plan:
    """The plan that makes the namespaces of the state, looks at their inodes, and ends.

    Maps, mounts and names play no part in it, so nothing is refused.
    """
    bare = State(flags=state.flags, joins=state.joins)
    way = _Way(bare, host)
    last = way.last
    ready = (
        Call(last, "write", (Slot("reports[1]"), READY, len(READY)), "the namespaces are there"),
        Call(PARENT, "read", (Slot("reports[0]"), READY, 64), "wait until they are"),
    )
    looks = (
        Call(
            PARENT,
            "readlink",
            (Slot(last, "/proc/", f"/ns/{namespace.proc}"),),
            f"which {namespace.name} namespace the child is in",
        )
        for namespace in NAMESPACES
    )
    end = (
        Call(PARENT, "write", (Slot("go[1]"), GO, len(GO)), "let the child end"),
        Call(last, "read", (Slot("go[0]"), GO, len(GO)), "stay until nsh has looked"),
    )
    calls = (*way.begin(waits=True), *way.second_fork(), *ready, *looks, *end)
    return Plan(calls, last, bare, ())


def _change_user(state: State, host: Host, last: str) -> Iterator[Call]:
    """The ids of the command, after all that takes rights."""
    if state.user is not None:
        yield from credentials.calls(state, host, last)
        # See PR_SET_PDEATHSIG(2const).
        why = "once more: when a process changes its ids, the kernel forgets it"
        yield from _die_with_parent(last, why=why, part="credentials")


class _Way:
    """The way from nsh to the process that becomes the command.

    first  the process that joins namespaces: the child, whose parent is nsh or the keeper
    maker  the one that makes the new namespaces: another, if a pid namespace is joined
    last   the one that does the rest: another, if a pid or time namespace is new
    """

    def __init__(self, state: State, host: Host, stays: bool = False) -> None:
        self.state = state
        self.host = host
        self.stays = stays
        self.wanted: list[Target] = []
        joined: set[str] = set()
        if state.joins:
            from nsh.parts.ids.diagnose import look_into_proc
            from nsh.parts.join.own import still_own
            from nsh.parts.join.targets import targets

            if host.foreign_proc and (unseen := look_into_proc(host)):
                raise Refusal(unseen.cause, *unseen.fixes)
            self.wanted = targets(state, host)
            still_own(self.wanted, state, host)
            joined = {kind for target in self.wanted for kind in target.kinds}
        self.joined = joined
        # Only a process in the user namespace around it may write the maps of a new one. One that
        # has joined that stays there for it, and another makes the new one.
        self.writer = CHILD if "user" in joined and state.has_maps else PARENT
        self.maker = SECOND if "pid" in joined or self.writer == CHILD else CHILD
        self.last = self.maker
        if state.has("pid"):
            self.last = PID_1
        elif state.has("time"):
            self.last = THIRD if self.maker == SECOND else SECOND

    def begin(self, waits: bool = False, entering: int = 0) -> Iterator[Call]:
        """The forks, the tie to the parent's life, the joins, the unshare, and the maps."""
        state, maker = self.state, self.maker
        writes = self.writer == CHILD
        go = state.has_maps or waits
        yield _pipe(
            "reports", "for the child's reports; end of file on it means that execve worked"
        )
        if go:
            yield _pipe("go", "to let the child go on")
        if writes:
            yield _pipe("asks", "for a child to ask another to write its maps")
            yield from ids.opens_proc()
        yield from join.opens(self.wanted, self.host)
        held = join.held(self.wanted, self.host)
        if writes:
            held += ("asks[0]", "asks[1]", "go[1]", ids.PROC)
        if entering:
            yield from join.opens_places(entering)
            held += join.PLACES
        mine = ("reports[1]", *(["go[0]"] if go else []), *held)
        theirs = ("reports[0]", *(["go[1]"] if go and not writes else []))
        if self.stays:
            yield from self._keeper(mine, theirs)
        else:
            why = "fork: the shell itself never leaves its namespaces"
            yield _clone(PARENT, FORK, why, CHILD, closes=mine)
        # The parent's ends: with its own copy open, the child would not hear of the parent's death.
        yield from self._tied(CHILD, closes=() if self.stays else theirs)
        if self.stays:
            why = "and one for the child: what it sends to its process group is not for the keeper"
            yield Call(CHILD, "setsid", (), why)
        yield from join.enters(self.wanted, self.host, CHILD)
        if "user" in self.joined:
            why = "once more: when a process gains rights, the kernel forgets it"
            yield from _die_with_parent(CHILD, why=why, part="join")
        if entering:
            yield from join.enters_places("mnt" in self.joined, CHILD)
        if maker != CHILD:
            why = "fork: a joined pid namespace is for children"
            if "pid" not in self.joined:
                why = "fork: this one stays in the joined user namespace and writes the maps"
            ends = ("asks[1]", "go[0]") if writes else ()
            yield _clone(CHILD, FORK_SIBLING, why + _SIBLING, maker, closes=ends)
            yield from self._tied(maker, closes=("asks[0]", "go[1]") if writes else ())
        yield from namespaces.calls(state, maker)
        if writes:
            yield from self._written_inside()
        elif state.has_maps:
            unshared = Slot("reports[1]"), UNSHARED, len(UNSHARED)
            yield Call(maker, "write", unshared, "the user namespace is there")
            yield Call(PARENT, "read", (Slot("reports[0]"), UNSHARED, 64), "wait until it is")
            yield from ids.write(state, self.host, maker)
            yield Call(PARENT, "write", (Slot("go[1]"), GO, len(GO)), "the maps are written")
            why = "wait for them: before, it is nobody"
            yield Call(maker, "read", (Slot("go[0]"), GO, len(GO)), why)

    def _written_inside(self) -> Iterator[Call]:
        """The maps of a user namespace in a joined one, written by what has joined that."""
        maker = self.maker
        asks = Slot("asks[1]"), UNSHARED, len(UNSHARED)
        yield Call(maker, "write", asks, "the user namespace is there", closes=("asks[1]",))
        yield Call(CHILD, "read", (Slot("asks[0]"), UNSHARED, len(UNSHARED)), "wait until it is")
        from nsh.parts.join.around import around

        yield from ids.write(self.state, around(self.state, self.host), maker, CHILD)
        yield Call(CHILD, "write", (Slot("go[1]"), GO, len(GO)), "the maps are written")
        why = "wait for them: before, it is nobody"
        yield Call(maker, "read", (Slot("go[0]"), GO, len(GO)), why)

    def _keeper(self, mine: tuple[str, ...], theirs: tuple[str, ...]) -> Iterator[Call]:
        """The process above a child that stays; the child can outlive neither it nor nsh."""
        why = "fork: the keeper, which ends all that the child has started when it or nsh ends"
        yield _clone(PARENT, FORK, why, KEEPER, closes=mine)
        why = "a session of its own: no signal to the process group of nsh is for it"
        yield Call(KEEPER, "setsid", (), why, closes=theirs)
        why = "if nsh dies, the kernel tells the keeper"
        yield from _die_with_parent(KEEPER, why=why, number=SIGTERM)
        why = "what loses its parent below the keeper becomes the keeper's child: nothing gets away"
        yield Call(KEEPER, "prctl", (PR_SET_CHILD_SUBREAPER, 1), why)
        yield _clone(KEEPER, FORK, "fork: the child", CHILD, closes=("reports[1]",))

    def second_fork(self) -> Iterator[Call]:
        """The fork that a new pid or time namespace needs."""
        if self.last == self.maker:
            return
        why = (
            "fork: a new pid namespace is for children, the first one is PID 1"
            if self.last == PID_1
            else "fork: a new time namespace is for children"
        )
        yield _clone(self.maker, FORK_SIBLING, why + _SIBLING, self.last)
        yield from self._tied(self.last)

    def _tied(self, actor: str, closes: tuple[str, ...] = ()) -> Iterator[Call]:
        """The tie of a process to the life of its parent, which is nsh or the keeper."""
        why = f"if {'the keeper' if self.stays else 'nsh'} dies, the kernel kills this process"
        return _die_with_parent(actor, closes, why)


_SIBLING = "; CLONE_PARENT makes it the sibling of its maker"


def _clone(
    actor: str, flags: CloneFlags, why: str, made: str, closes: tuple[str, ...] = ()
) -> Call:
    return Call(actor, "clone", (flags,), why, fills=(made,), closes=closes, part="namespaces")


def _pipe(name: str, why: str) -> Call:
    ends = Ends((f"{name}[0]", f"{name}[1]"))
    return Call(PARENT, "pipe2", (ends, PipeFlags(O_CLOEXEC)), why, fills=ends)


def _die_with_parent(
    actor: str,
    closes: tuple[str, ...] = (),
    why: str = "if nsh dies, the kernel kills this process",
    part: str = "",
    number: Named = SIGKILL,
) -> Iterator[Call]:
    yield Call(actor, "prctl", (PR_SET_PDEATHSIG, number), why, closes=closes, part=part)
    why = "is nsh still there to read? If not, it died before the line above"
    yield Call(actor, "poll", (Polled(Slot("reports[1]")), 1, 0), why, part=part)
