"""Call: one system call as data, and the Plan that is made of calls.

Both are pure: plan.py makes them, launch.py performs them, render.py prints them, and diagnose/
explains the call that failed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.state import State

PARENT = "parent"
CHILD = "child"
PID_1 = "PID 1"
SECOND = "child 2"


class Slot:
    """A value that only the launch can know: a descriptor or a process id, or a text around one."""

    __slots__ = ("after", "before", "name")

    def __init__(self, name: str, before: str = "", after: str = "") -> None:
        self.name = name
        self.before = before
        self.after = after

    def __repr__(self) -> str:
        return f"Slot({self.before!r} {self.name} {self.after!r})"

    @property
    def is_text(self) -> bool:
        """Whether the value stands inside a text, such as a path."""
        return bool(self.before or self.after)


class Call:
    """One system call: who makes it, its name and arguments, and why it is made there.

    ``gives`` names the slots that its result fills.
    """

    __slots__ = ("actor", "args", "gives", "name", "why")

    def __init__(
        self,
        actor: str,
        name: str,
        args: tuple[object, ...],
        why: str,
        gives: tuple[str, ...] = (),
    ) -> None:
        self.actor = actor
        self.name = name
        self.args = args
        self.why = why
        self.gives = gives

    def __repr__(self) -> str:
        return f"Call({self.actor!r}, {self.name!r}, {self.args!r})"


class Plan:
    """The calls of one run, with what they were made from.

    calls   in order; each process makes those whose actor it is
    last    the actor that becomes the command
    state   the State behind it
    argv    the words of the command, () for a probe
    """

    __slots__ = ("argv", "calls", "last", "state")

    def __init__(self, calls: tuple[Call, ...], last: str, state: State, argv: tuple[str, ...]):
        self.calls = calls
        self.last = last
        self.state = state
        self.argv = argv
