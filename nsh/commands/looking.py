"""The commands that look at the state and at what a run would do: show, plan, trace, ns."""

from __future__ import annotations

import os

from nsh.commands.running import RunCommands
from nsh.errors import Failure, Refusal, Usage, closest
from nsh.linux.namespaces import NAMESPACES
from nsh.linux.procfs import link
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
            from nsh.voice.text import joined

            self.page(joined([self.lexed(command) for command in commands]), tail=" \\")

    def do_plan(self, line: str) -> None:
        """plan [CMD ARG...]  (or start NAME ..., enter NAME ...)

        Show the system calls that `run CMD ARG...` would make, or a line of start or
        enter. None is made. A call stands with its number, who makes it, how strace(1)
        prints it, and why.

        Values that only a run can know stand as their names (CHILD, reports[0], envp).
        Left out are closing descriptors, signal masks, reports of failures, and
        waiting.

        See strace(1), `trace`.
        """
        from nsh.show.plans import plan_lines
        from nsh.voice.text import joined

        self.page(joined(plan_lines(self.plan_of(self.argv(line)))))

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
        """ns [NAME|PID]

        The eight namespaces: the flag, the inode of this shell's, the inode of a
        child's made from the joins and flags, and whether it is shared, joined or new.
        Two processes are in the same namespace if and only if the inodes are equal.
        Each run gets new ones.

        With NAME or PID, those of a child that lives, or of any process.

        See namespaces(7), /proc/PID/ns.
        """
        from nsh.parts.join.targets import links_of, own_links
        from nsh.plan.order import probe
        from nsh.show.plans import ns_lines

        words = self.words(line, at_most=1)
        self.needs_linux()
        self.needs_proc()
        if words:
            there = links_of(self.pid_of(words[0]))
            if not there:
                raise Failure(
                    f"the namespaces of process {words[0]} may not be looked at: it is another"
                    " user's, or has rights that nsh does not have",
                    "ns",
                )
            for row in ns_lines(own_links(), there, words[0], "its own"):
                self.message(row)
            return
        here = {
            each.proc: text for each in NAMESPACES if (text := link(f"/proc/self/ns/{each.proc}"))
        }
        try:
            wanted = probe(self.state, self.host)
        except Refusal as refusal:
            raise Failure(refusal.why, *refusal.fixes, status=125) from None
        outcome = self._launch(wanted)
        if outcome is None:
            return
        old = [kind for kind in outcome.links if kind not in self.state.flags]
        for row in ns_lines(here, outcome.links, joined=old):
            self.message(row)

    def pid_of(self, word: str) -> int:
        """The process that a word means: a child by its name, or any by its id. Raises Failure."""
        if word == "step":
            return self.stepped_pid()
        named = self.host_variables()
        if word in named:
            return named[word]
        if not word.isdigit():
            close = closest(word, named)
            there = f"there are {', '.join(named)}" if named else "none lives"
            hint = f"did you mean {close}?" if close else there
            raise Usage(f"there is no child {word}: {hint}", f"ns {close}" if close else "children")
        if not os.path.exists(f"/proc/{word}"):
            raise Failure(f"there is no process {word}", "run ps -e")
        return int(word)

    def complete_ns(self, before: list[str], word: str) -> Iterable[Item]:
        """The children that live."""
        if not before:
            for name, pid in self.host_variables().items():
                yield name, f"process {pid}"
