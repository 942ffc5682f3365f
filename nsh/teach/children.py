"""Children: the hints about children that stay, and for who joins their namespaces. Pure."""

from __future__ import annotations

from nsh.state import State
from nsh.teach import looks
from nsh.teach.hints import Hint, host_processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_HIDES = ("net", "uts", "ipc", "cgroup", "time")
"""The kinds of which who joins wants that very one; a new mnt, pid or user on top is often meant."""


def on_top(state: State, joined: Collection[str], given: Collection[str] = ()) -> Hint | None:
    """The hint that joined namespaces call for of which a run gets new ones all the same; or None.

    >>> on_top(State(flags=("net", "pid")), ("net", "uts"))
    <Hint on top>
    """
    both = [kind for kind in state.flags if kind in joined and kind in _HIDES]
    if not both or "on top" in given:
        return None
    news = " ".join([f"+{kind}" for kind in both])
    return Hint(
        "on top",
        f"{news}: new ones are made on top of what is joined, and hide it",
        ("flags " + " ".join([f"-{kind}" for kind in both]),),
    )


def met(
    command: str,
    name: str,
    made: State,
    state: State,
    argv: list[str],
    given: Collection[str] = (),
    deaf: bool = False,
) -> Hint | None:
    """The hint that what was done to a child calls for; or None.

    command  what was done: start, enter, signal ...
    name     the child's; ``made`` is the state that it was started with
    state    the state at the moment
    argv     the words of the command in it
    deaf     whether it was sent a signal that has no effect, because it is PID 1

    >>> met("start", "box", State(), State(), ["sh"])
    <Hint no input>
    >>> met("start", "box", State(), State(), ["sleep", "9"]) is None
    True
    """
    sits = looks.sits(argv)
    if command == "start" and sits:
        hint = Hint(
            "no input",
            f"{name} is over: its input is /dev/null, where a shell ends at once",
            (f"start {name}",),
            again=False,
        )
    elif command == "signal" and deaf:
        hint = Hint(
            "deaf",
            "PID 1 gets no signal that it does not handle, but KILL from outside",
            (f"signal {name} KILL; init on",),
            again=False,
        )
    elif command == "stop" and deaf:
        hint = Hint(
            "killed",
            f"{name} had its 2 seconds and was killed: PID 1 gets TERM only if it handles it",
            () if state.init else ("init on",),
            again=False,
        )
    elif command != "enter":
        return None
    elif host_processes(made) and (
        sits or any(looks.at_processes(*found) for found in looks.commands(argv))
    ):
        hint = Hint(
            "proc inside",
            f"{name} shows the host's processes: no proc was mounted in it",
            (f"stop {name}; flags +mnt; mount proc /proc",),
            again=False,
        )
    elif left := _not_entered(state, made):
        hint = Hint(
            "entered",
            f"enter takes nothing of the state: {left} is for run and start",
            (f"help join; join {name}",),
            again=False,
        )
    else:
        return None
    return None if hint.name in given else hint


def _not_entered(state: State, made: State) -> str:
    """The first line of the state that a child was not started with, "" if there is none."""
    from nsh.parts.table import state_commands

    known = state_commands(made)
    lines = state_commands(state.replace(flags=(), joins=()))
    return next((line for line in lines if line not in known), "")
