"""Call: one system call as data, and the Plan that is made of calls.

Both are pure: the parts and plan/order.py make them, run/ performs them, show/ prints them, and
plan/diagnose.py explains the one that failed. An argument that only a run can fill, or that strace
prints in a form of its own, is of a class here that knows both.
"""

from __future__ import annotations

from nsh.linux import strace
from nsh.linux.constants import CLONE_PARENT, SIGCHLD
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from nsh.state import State

    Values = Mapping[str, int]
    """What the slots of a plan stand for, as far as it is known: descriptors and process ids."""

PARENT = "parent"
CHILD = "child"
PID_1 = "PID 1"
SECOND = "child 2"
THIRD = "child 3"
KEEPER = "keeper"
COMMAND = "command"


class Slot(Value):
    """A value that only the run can know: a descriptor or a process id, or a text around one."""

    name: str
    before: str = ""
    after: str = ""

    @property
    def is_text(self) -> bool:
        """Whether the value stands inside a text, such as a path."""
        return bool(self.before or self.after)

    def fill(self, values: Values) -> int | str:
        """What it stands for. Raises KeyError if that is not known yet."""
        number = values[self.name]
        return f"{self.before}{number}{self.after}".strip() if self.is_text else number

    def strace(self, values: Values) -> str:
        """The value, or where it is not known the name of the slot."""
        known = self.name in values
        if not self.is_text:
            return str(values[self.name]) if known else self.name
        name = str(values[self.name]) if known else self.name.upper().replace(" ", "_")
        return strace.c_string((self.before + name + self.after).strip())


class Vector(tuple[object, ...]):
    """The words of a command, as execve(2) takes them; a word may be a Slot."""

    __slots__ = ()

    def strace(self, values: Values) -> str:
        """The words in brackets."""
        return "[" + ", ".join([text(word, values) for word in self]) + "]"


class Environment(tuple[str, ...]):
    """The environment of a command: ``NAME=VALUE`` strings, as execve(2) takes them."""

    __slots__ = ()

    def strace(self, values: Values) -> str:
        """Its address, which only the process itself knows, and how many variables it has."""
        where = hex(values["envp"]) if "envp" in values else "envp"
        return f"{where} /* {len(self)} var{'s' * (len(self) != 1)} */"


class Ends(tuple[str, ...]):
    """The names of the two slots that pipe2(2) fills."""

    __slots__ = ()

    def strace(self, values: Values) -> str:
        """The two descriptors in brackets."""
        return "[" + ", ".join([str(values.get(name, name)) for name in self]) + "]"


class Polled(Value):
    """The one descriptor that poll(2) looks at, for errors alone."""

    slot: Slot

    def strace(self, values: Values) -> str:
        """An array of one struct pollfd."""
        return f"[{{fd={self.slot.strace(values)}, events=0}}]"


class Ended(Value):
    """The status that wait4(2) must give: the process ended by itself, with 0."""

    def strace(self, values: Values) -> str:
        """As strace decodes that status."""
        return "[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]"


class CloneFlags(int):
    """The one argument of a clone(2) that is a fork with flags: no stack of its own."""

    def strace(self, values: Values) -> str:
        """Both arguments that strace shows, with their names."""
        parent = "CLONE_PARENT|" if self & CLONE_PARENT else ""
        return f"child_stack=NULL, flags={parent}SIGCHLD"


class SignalInfo(Value):
    """Where a siginfo_t goes, which only the process itself can know."""

    def strace(self, values: Values) -> str:
        """Its name."""
        return "siginfo"


FORK = CloneFlags(SIGCHLD)
FORK_SIBLING = CloneFlags(CLONE_PARENT | SIGCHLD)
"""CLONE_PARENT: the new process is a child of the caller's parent, as the caller is."""

_LIVE = (Slot, Vector, Environment, Ends, Polled, Ended, CloneFlags, SignalInfo)


def text(argument: object, values: Values) -> str:
    """One argument as strace prints it; slots that are not known stand as their names."""
    return argument.strace(values) if isinstance(argument, _LIVE) else strace.argument(argument)


class Call(Value):
    """One system call: who makes it, its name and arguments, and why it is made there.

    fills   the slots that its result fills
    closes  the slots whose descriptors its actor closes right after it
    part    the part of the state that it comes from: the name of a room in parts/
    entry   which entry of that part, where it is a list; -1: none of them
    expects of a file of /proc/PID/ns that is opened, the text of its link when it was looked at
    """

    actor: str
    name: str
    args: tuple[object, ...]
    why: str
    fills: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()
    part: str = ""
    entry: int = -1
    expects: str = ""

    def text(self, values: Values | None = None) -> str:
        """The call as strace prints it, without its result."""
        known = values or {}
        return f"{self.name}({', '.join([text(arg, known) for arg in self.args])})"


class Plan(Value):
    """The calls of one run, with what they were made from.

    calls   in order; each process makes those whose actor it is
    last    the actor that becomes the command
    state   the State behind it
    argv    the words of the command, () for a probe
    """

    calls: tuple[Call, ...]
    last: str
    state: State
    argv: tuple[str, ...]

    def rows(self) -> list[tuple[Call, ...]]:
        """The calls in order, each for itself; only the tries of one execve are together."""
        found: list[tuple[Call, ...]] = []
        for call in self.calls:
            before = found[-1][0] if found else None
            if before and call.name == before.name == "execve" and call.actor == before.actor:
                found[-1] += (call,)
            else:
                found.append((call,))
        return found

    @property
    def main(self) -> str:
        """The actor whose end is the end of the run: the last one, or the init above it."""
        return PID_1 if self.last == COMMAND else self.last

    def own(self) -> tuple[str, ...]:
        """Those of the chain that are children of nsh itself: its own, and their siblings."""
        own = {PARENT}
        for call in self.calls:
            if call.name == "clone" and call.actor in own:
                sibling = call.args[0] == FORK_SIBLING
                if call.actor == PARENT or sibling:
                    own.add(call.fills[0])
        return tuple([name for name in self.chain() if name in own])

    def chain(self) -> tuple[str, ...]:
        """The actors from nsh's own child on, each the maker of the next, to the last one.

        A helper program, which nsh waits for in between, is not among them.
        """
        makers = {call.fills[0]: call.actor for call in self.calls if call.name == "clone"}
        found = [self.last]
        while (maker := makers[found[0]]) != PARENT:
            found.insert(0, maker)
        return tuple(found)
