"""Started: the children that stay, as the commands that use them know them."""

from __future__ import annotations

from nsh.commands.running import RunCommands
from nsh.errors import Failure, OutputFailed, Usage, closest
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from nsh.call import Plan
    from nsh.offers import Item
    from nsh.run.living import Living
    from nsh.state import State

_MOST_ENDED = 50
"""How many ended children are kept, with their logs."""


class StartedCommands(RunCommands):
    """The base of all commands that know the children that stay.

    started      those that live and those that have ended: name to child, in the order of their start
    own_environ  the environment by which nsh finds what it remembers between sessions: that of its
                 start, also while a recording runs; a replay has a place of its own
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.started: dict[str, Living] = {}
        self.own_environ = self.host.environ

    def run_entry(self, line: str) -> tuple[bool, int]:
        """As BaseShell; the processes of children that lived meanwhile count among its ``pids``."""
        before = list(self.started.values())
        living = [child for child in before if child.lives]
        try:
            return super().run_entry(line)
        finally:
            new = [child for child in self.started.values() if child not in before]
            for child in (*living, *new):
                self.pids += [pid for pid in child.running.pids if pid not in self.pids]

    def tell_acted(self, command: str, child: Living, words: list[str]) -> None:
        """Call the hook: something was done to a child. Its status stays the line's."""
        status = self.status
        for listener in self.acted:
            listener(command, child, words)
        self.status = status

    def planned(self, state: State, argv: list[str]) -> Plan:
        """The plan of these words in that state, with who lives now. Raises Refusal."""
        if self.started:
            self.tell_host()
        return super().planned(state, argv)

    def end_all(self) -> None:
        """The end of nsh: what lives ends with it. At a prompt it is said who."""
        try:
            names = self.end_children()
            if names and self.interactive:
                ends = "ends" if len(names) == 1 else "end"
                self.message(f"{', '.join(names)} {ends} with nsh")
        except OutputFailed:
            pass

    def tell_host(self) -> None:
        """Let plans and diagnoses know who lives, and forget the oldest of those that have ended."""
        ended = [each for each in self.started.values() if not each.lives and not each.pins]
        for child in ended[:-_MOST_ENDED]:
            self.started.pop(child.name).close()
        children = self.started.values()
        self.host.living = {each.name: each.pid for each in children if each.lives}
        self.host.pins = {each.name: each.pins for each in children if each.pins}
        self.host.made = {each.name: each.made for each in children if each.lives or each.pins}

    def look_after(self) -> list[str]:
        """Take the status of those that have ended: a line for each end that was not told yet."""
        told = []
        for child in list(self.started.values()):
            if not child.lives and not child.told:
                child.told = True
                told.append(f"{child.name} has ended: {_how_ended(child)}")
        self.tell_host()
        return told

    def end_children(self) -> list[str]:
        """End all that live and that this process started: their names. The end of nsh."""
        living = [child for child in self.started.values() if child.is_own and child.lives]
        for child in living:
            child.end()
        for child in living:
            child.wait()
        return [child.name for child in living]

    def child(
        self, name: str, command: str, alive: bool = False, more: Sequence[str] = ()
    ) -> Living:
        """The child of that name. Raises Usage, or Failure if it is to live and does not.

        ``command`` and ``more`` are what was typed before and after the name, for a line to try.
        """
        child = self.started.get(name)
        if child is None:
            if name == "step":
                why = "step is the run that is being stepped through, and no child that stays"
                raise Usage(why, "continue", "abort")
            if name.startswith("-") and (named := [word for word in more if word in self.started]):
                rest = more[more.index(named[0]) :]
                raise Usage(f"there is no option {name}", f"{command} {join(list(rest))}")
            if close := closest(name, self.started):
                fix = f"{command} {join([close, *more])}"
                raise Usage(f"there is no child {name}: did you mean {close}?", fix)
            what = f"there are {', '.join(self.started)}" if self.started else "none was started"
            raise Usage(f"there is no child {name}: {what}", "help start")
        if alive and not child.lives:
            fixes = [f"join {name}"] if child.pins else []
            fixes += [f"log {name}", "children"]
            raise Failure(f"{name} has ended: {_how_ended(child)}", *fixes)
        return child

    def names_of_children(self, living: bool) -> Iterable[Item]:
        """What completion offers: those that live, or all."""
        for child in self.started.values():
            if child.lives or not living:
                words = join(list(child.plan.argv)) or "a pause"
                yield child.name, words if child.lives else f"has ended: {words}"


def _how_ended(child: Living) -> str:
    from nsh.commands.listing import ended

    return ended(child.status or 0)
