"""Order: the system calls that a run makes, one after the other, with who makes each and why.

This is the one place that knows the order; what a part of the state calls stands in parts/. Left
out is only bookkeeping: closing descriptors, signal masks, the child's reports of its failures, and
waiting for the end.
"""

from __future__ import annotations

from nsh.call import (
    CHILD,
    FORK,
    FORK_SIBLING,
    PARENT,
    PID_1,
    SECOND,
    Call,
    Ends,
    Environment,
    Plan,
    Polled,
    Slot,
)
from nsh.host import Host
from nsh.linux.constants import O_CLOEXEC, PR_SET_PDEATHSIG, SIGKILL, OpenFlags
from nsh.linux.namespaces import NAMESPACES
from nsh.parts import credentials, inherit, names, namespaces, rlimits
from nsh.parts.ids import calls as ids
from nsh.parts.mounts import calls as mounts
from nsh.parts.process import calls as process
from nsh.plan.guard import check
from nsh.state import State
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

UNSHARED = b"unshared\n"
GO = b"go\n"
READY = b"ready\n"


def plan(state: State, argv: list[str] | tuple[str, ...], host: Host) -> Plan:
    """The plan of ``run ARGV`` in that state on that host.

    Raises Refusal when a call in it would reach the host.
    """
    global _kept
    check(state, host)
    words = tuple(argv)
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


def _made(state: State, words: tuple[str, ...], host: Host) -> Plan:
    last = last_actor(state)
    calls = (
        *_begin(state, host),
        *_second_fork(state),
        *mounts.make(state, last),
        *names.calls(state, last),
        *process.enter(state, last),
        *inherit.calls(state, last),
        *rlimits.calls(state, last),
        *_change_user(state, host, last),
        *process.become(state, words, host, last),
    )
    return Plan(calls, last, state, words)


def probe(state: State, host: Host) -> Plan:
    """The plan that makes the namespaces of the state, looks at their inodes, and ends.

    Maps, mounts and names play no part in it, so nothing is refused.
    """
    bare = State(flags=state.flags)
    last = last_actor(bare)
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
    calls = (*_begin(bare, host, waits=True), *_second_fork(bare), *ready, *looks, *end)
    return Plan(calls, last, bare, ())


def _change_user(state: State, host: Host, last: str) -> Iterator[Call]:
    """The ids of the command, after all that takes rights."""
    if state.user is not None:
        yield from credentials.calls(state, host, last)
        # See PR_SET_PDEATHSIG(2const).
        why = "once more: when a process changes its ids, the kernel forgets it"
        yield from _die_with_parent(last, why=why, part="credentials")


def last_actor(state: State) -> str:
    """The process that becomes the command: the child itself, or the one that it forks."""
    if state.has("pid"):
        return PID_1
    return SECOND if state.has("time") else CHILD


def _begin(state: State, host: Host, waits: bool = False) -> Iterator[Call]:
    """The fork, the tie to the parent's life, the unshare, and the maps."""
    go = state.has_maps or waits
    yield _pipe("reports", "for the child's reports; end of file on it means that execve worked")
    if go:
        yield _pipe("go", "to let the child go on")
    yield Call(
        PARENT,
        "clone",
        (FORK,),
        "fork: the shell itself never leaves its namespaces",
        fills=(CHILD,),
        closes=("reports[1]", *(["go[0]"] if go else [])),
        part="namespaces",
    )
    # The parent's ends: with its own copy open, the child would not hear of the parent's death.
    yield from _die_with_parent(CHILD, closes=("reports[0]", *(["go[1]"] if go else [])))
    yield from namespaces.calls(state, CHILD)
    if state.has_maps:
        unshared = Slot("reports[1]"), UNSHARED, len(UNSHARED)
        yield Call(CHILD, "write", unshared, "the user namespace is there")
        yield Call(PARENT, "read", (Slot("reports[0]"), UNSHARED, 64), "wait until it is")
        yield from ids.write(state, host)
        yield Call(PARENT, "write", (Slot("go[1]"), GO, len(GO)), "the maps are written")
        why = "wait for them: before, it is nobody"
        yield Call(CHILD, "read", (Slot("go[0]"), GO, len(GO)), why)


def _pipe(name: str, why: str) -> Call:
    ends = Ends((f"{name}[0]", f"{name}[1]"))
    return Call(PARENT, "pipe2", (ends, OpenFlags(O_CLOEXEC)), why, fills=ends)


def _die_with_parent(
    actor: str,
    closes: tuple[str, ...] = (),
    why: str = "if nsh dies, the kernel kills this process",
    part: str = "",
) -> Iterator[Call]:
    yield Call(actor, "prctl", (PR_SET_PDEATHSIG, SIGKILL), why, closes=closes, part=part)
    why = "is nsh still there to read? If not, it died before the line above"
    yield Call(actor, "poll", (Polled(Slot("reports[1]")), 1, 0), why, part=part)


def _second_fork(state: State) -> Iterator[Call]:
    last = last_actor(state)
    if last == CHILD:
        return
    why = (
        "fork: a new pid namespace is for children, the first one is PID 1"
        if last == PID_1
        else "fork: a new time namespace is for children"
    )
    yield Call(
        CHILD,
        "clone",
        (FORK_SIBLING,),
        why + "; CLONE_PARENT makes it nsh's own child",
        fills=(last,),
        part="namespaces",
    )
    yield from _die_with_parent(last)
