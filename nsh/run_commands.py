"""The commands that run something, and those that look at what a run would do."""

from __future__ import annotations

import errno
import os
import sys

from nsh.call import Plan
from nsh.core import Core, Failure, Interrupted, Usage
from nsh.guard import Refusal
from nsh.plan import plan, probe, variable
from nsh.processes import reap_orphans
from nsh.state import START
from nsh.words import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.completion import Item
    from nsh.launch import Outcome
    from nsh.shell import Shell


class RunCommands(Core):
    """run, sh, host, plan, trace, ns and show.

    streams  the descriptors that commands get as standard input, output and error
    """

    streams: tuple[int, int, int] = (0, 1, 2)
    _told_of_stops = False

    def do_run(self, line: str) -> None:
        """run [CMD ARG...]

        Run a command in a forked child, unshared as the state says. Without CMD, run
        $SHELL.

        The words go to execve(2) as they are: nothing is expanded, and | & < > ( ) need
        `sh`. The program is looked up in PATH inside, after the mounts. The status is
        the command's; 128+N if signal N ended it, 127 if it was not found, 126 if it
        could not be executed, 125 if nsh could not set the child up.

            run ps aux
            run

        See unshare(2), execve(2).
        """
        self.perform(self.argv(line))

    def complete_run(self, before: list[str], word: str) -> Iterable[Item]:
        """A program of PATH, then paths."""
        from nsh.completion import run_words

        shell: Shell = self  # type: ignore[assignment]
        return run_words(shell, before, word)

    complete_plan = complete_run
    complete_diff = complete_run

    def do_sh(self, line: str) -> None:
        """sh LINE

        Run the rest of the line in /bin/sh inside: with pipes, variables and globs, and
        with ; and # as sh reads them. $1 and so on are the arguments of the script.

            sh ps aux | wc -l

        See sh(1).
        """
        if not line.strip():
            raise Usage
        self.perform(["/bin/sh", "-c", line, "sh", *self.args])

    def do_host(self, line: str) -> None:
        """host LINE  (or !LINE)

        Run the rest of the line in /bin/sh on the host: the other terminal. It is in no
        new namespace, and it is not undone: what it changes stays changed.

            !mkdir /mytmp
            !ipcs -q

        See sh(1).
        """
        if not line.strip():
            raise Usage
        self._launch(plan(START, ["/bin/sh", "-c", line, "sh", *self.args], self.host))

    def argv(self, line: str) -> list[str]:
        """The words of a command to run, the user's shell if there are none."""
        return split(line) or [variable(self.state, self.host, "SHELL") or "/bin/sh"]

    def perform(self, argv: list[str]) -> None:
        """Run the words in the state. Sets ``status``."""
        try:
            outcome = self._launch(plan(self.state, argv, self.host))
        except Refusal as refusal:
            raise Failure(refusal.why, *refusal.mends, status=125) from None
        if outcome is not None:
            self.trouble = None
            self.after_run(argv)

    def after_run(self, argv: list[str]) -> None:
        """A hook: the command of a run has ended, and ``status`` is its status."""

    def needs_linux(self) -> None:
        """Raise Failure where nothing can be run."""
        if not sys.platform.startswith("linux"):
            raise Failure(
                f"run needs the namespaces of Linux, and this is {sys.platform}", "show", status=125
            )

    def _needs_proc(self) -> None:
        """Raise Failure where the number of a child means another process in /proc, or none."""
        from nsh.diagnose.maps import look_into_proc

        if unseen := look_into_proc(self.host):
            raise Failure(unseen.cause, *unseen.mends, status=125)

    def _launch(self, wanted: Plan) -> Outcome | None:
        self.needs_linux()
        from nsh import launch

        state = wanted.state
        if (state.uidmap or state.gidmap or state.setgroups) and self.host.foreign_proc:
            self._needs_proc()  # the maps would be written to that other process
        self.flush()
        try:
            outcome = launch.launch(
                wanted,
                self._trace if self.tracing else None,
                self._still_alive,
                self.streams,
                self._cannot_stop,
            )
        except launch.CallFailed as failure:
            self._failed(failure, wanted)
            return None
        finally:
            reap_orphans()
        self.status = outcome.status
        if outcome.interrupted and outcome.signal:
            raise Interrupted
        return outcome

    def _failed(self, failure: object, wanted: Plan) -> None:
        from nsh import diagnose, launch, render

        assert isinstance(failure, launch.CallFailed)
        found = diagnose.diagnose(failure, wanted, self.host, self.command_names())
        self.status = diagnose.status(failure, wanted)
        call = render.call_text(failure.call, failure.values)
        result = render.result_text(failure.call, -1, failure.errno)
        first = f"{call} = {result}" if failure.errno else call
        self.explain_failure(found.cause, found.mends, first)
        assert self.trouble is not None
        self.trouble.call = failure.call.name
        self.trouble.errno = errno.errorcode.get(failure.errno, "")

    def _trace(self, call: object, values: dict[str, int], result: int, number: int) -> None:
        from nsh.call import Call
        from nsh.render import trace_text

        assert isinstance(call, Call)
        self.error(f"[{call.actor}] {trace_text(call, values, result, number)}")

    def _still_alive(self) -> None:
        self.error(
            "the command is PID 1 of its namespace, and PID 1 gets no SIGINT that it does not handle",
            "Ctrl-C once more kills it",
        )

    def _cannot_stop(self) -> None:
        if not self._told_of_stops:
            self._told_of_stops = True
            self.error(
                "Ctrl-Z stops nothing: neither nsh nor what started it has job control",
                "Ctrl-C ends the command",
            )

    # Looking.

    def do_show(self, line: str) -> None:
        """show

        Show the state as the commands that rebuild it.
        """
        from nsh.render import state_commands

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
        from nsh.render import plan_lines

        self.page("\n".join(plan_lines(plan(self.state, self.argv(line), self.host))))

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
        child's made from the flags, and whether it is shared or new. Two processes are
        in the same namespace if and only if the inodes are equal. Each run gets new
        ones.

        See namespaces(7), /proc/PID/ns.
        """
        from nsh.namespaces import NAMESPACES
        from nsh.render import ns_lines

        self.words(line, at_most=0)
        self.needs_linux()
        self._needs_proc()
        here = {}
        for namespace in NAMESPACES:
            try:
                here[namespace.name] = os.readlink(f"/proc/self/ns/{namespace.proc}")
            except OSError:
                continue
        outcome = self._launch(probe(self.state, self.host))
        if outcome is None:
            return
        for text in ns_lines(here, outcome.links):
            self.message(text)
