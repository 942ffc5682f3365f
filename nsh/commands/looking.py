"""The commands that look at the state and at what a run would do: show, plan, trace, ns."""

from __future__ import annotations

import os

from nsh.commands.running import RunCommands
from nsh.errors import Usage
from nsh.linux.namespaces import NAMESPACES
from nsh.parts.table import state_commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

    from nsh.offers import Item


class LookCommands(RunCommands):
    """show, plan, trace and ns."""

    group = "Looking"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"trace": ("on", "off")}

    def do_show(self, line: str) -> None:
        """show

        Show the state as the commands that rebuild it.
        """
        self.words(line, at_most=0)
        commands = state_commands(self.state)
        if commands:
            self.page("\n".join(commands))

    def do_plan(self, line: str) -> None:
        """plan [CMD ARG...]

        Show the system calls that `run CMD ARG...` would make. None is made. A call
        stands with its number, who makes it, how strace(1) prints it, and why.

        Values that only a run can know stand as their names (CHILD, reports[0], envp).
        Left out are closing descriptors, signal masks, reports of failures, and
        waiting.

        See strace(1), `trace`.
        """
        from nsh.show.plans import plan_lines

        self.page("\n".join(plan_lines(self.planned(self.state, self.argv(line)))))

    def complete_plan(self, before: list[str], word: str) -> Iterable[Item]:
        """As for run."""
        return self.offer_program(before, word)

    def do_trace(self, line: str) -> None:
        """trace [on|off]

        Print each system call of a run on standard error as it happens. Each stands
        with who makes it and with its result, as strace(1) prints it. Without an
        argument, show whether it is on.
        """
        match self.words(line, at_most=1):
            case []:
                self.message("on" if self.tracing else "off")
            case ["on" | "off" as word]:
                self.tracing = word == "on"
            case _:
                raise Usage

    def complete_trace(self, before: list[str], word: str) -> Iterable[Item]:
        """on and off."""
        if not before:
            yield "on", "print each system call of a run as it happens"
            yield "off", "print none"

    def do_ns(self, line: str) -> None:
        """ns

        The eight namespaces: the flag, the inode of this shell's, the inode of a
        child's made from the joins and flags, and whether it is shared, joined or new. Two
        processes are in the same namespace if and only if the inodes are equal. Each
        run gets new ones.

        See namespaces(7), /proc/PID/ns.
        """
        from nsh.plan.order import probe
        from nsh.show.plans import ns_lines

        self.words(line, at_most=0)
        self.needs_linux()
        self.needs_proc()
        here = {}
        for namespace in NAMESPACES:
            try:
                here[namespace.name] = os.readlink(f"/proc/self/ns/{namespace.proc}")
            except OSError:
                continue
        outcome = self._launch(probe(self.state, self.host))
        if outcome is None:
            return
        for text in ns_lines(here, outcome.links, self.state.flags):
            self.message(text)
