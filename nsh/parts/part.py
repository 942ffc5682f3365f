"""What a part of the state brings, and what is handed to it when one of its calls has failed."""

from __future__ import annotations

from nsh.call import Call, Plan
from nsh.host import Host
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nsh.base import BaseShell
    from nsh.state import State


class Diagnosis:
    """The cause in a sentence or two, and the lines to type, in order, that mend it."""

    __slots__ = ("cause", "fixes")

    def __init__(self, cause: str, *fixes: str) -> None:
        self.cause = cause
        self.fixes = fixes


class FailedCall(Value):
    """A call of a plan that failed, with what a diagnosis may look at.

    error     its errno, 0 if a helper program said no
    commands  the names of nsh's own commands, for a `run` that means one of them
    """

    call: Call
    error: int
    plan: Plan
    host: Host
    commands: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """The state behind the plan."""
        return self.plan.state


class Part(Value):
    """One part of the state.

    name      the name of its room, and of its calls' ``part``
    commands  the class with its commands
    resets    what `reset` takes, and the fields of State that each word stands for
    lines     its lines in `show`: the commands that rebuild it
    diagnose  why one of its calls failed, None if nothing that it looks at tells
    examples  lines that change each of its fields, and of which a run as root works; the tests type
              them in many ways
    guard     raises Refusal if a run of the state would reach the host; None if none could
    """

    name: str
    commands: type[BaseShell]
    resets: dict[str, tuple[str, ...]]
    lines: Callable[[State], list[str]]
    diagnose: Callable[[FailedCall], Diagnosis | None]
    examples: tuple[str, ...]
    guard: Callable[[State, Host], None] | None = None
