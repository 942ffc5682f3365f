"""The commands that run something: run, sh, host; and the one door through which all runs go."""

from __future__ import annotations

import errno
import sys

from nsh.base import BaseShell
from nsh.call import Plan
from nsh.errors import OWN_FAILURES, Failure, Interrupted, Refusal, Usage, own_failure
from nsh.state import START, State
from nsh.words import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import NoReturn, TypeVar

    from nsh.offers import Item
    from nsh.run.running import CallFailed, Outcome
    from nsh.run.step import Stepping
    from nsh.show.plans import Folded

    Done = TypeVar("Done")


class RunCommands(BaseShell):
    """run, sh and host.

    streams  the descriptors that commands get as standard input, output and error
    stepped  the run that is being stepped through, None if there is none
    """

    group = "Running"
    streams: tuple[int, int, int] = (0, 1, 2)
    stepped: Stepping | None = None
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
        return self.offer_program(before, word)

    def offer_program(
        self, before: list[str], word: str, *, on_host: bool = False
    ) -> Iterator[Item]:
        """What `run`, `plan` and lines of sh take: a program, then paths."""
        from nsh.offers import paths, programs
        from nsh.parts.process.calls import search_path

        if before or "/" in word:
            yield from paths(self.directory(), word)
        else:
            yield from programs(search_path(START if on_host else self.state, self.host))

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

        The name of each child that lives is a variable with its process id.

            !ls -l /proc/$web/ns

        See sh(1).
        """
        if not line.strip():
            raise Usage
        state = START
        for name, pid in self.host_variables().items():
            state = state.with_env(name, str(pid))
        self._launch(self.planned(state, ["/bin/sh", "-c", line, "sh", *self.args]))

    def host_variables(self) -> dict[str, int]:
        """The variables that a line on the host finds beside the environment: pids by name."""
        return self.host.living

    def the_step(self) -> Stepping:
        """The run that is being stepped through. Raises Failure if there is none."""
        if self.stepped is None:
            raise Failure("no run is being stepped through", "step CMD")
        return self.stepped

    def stepped_pid(self) -> int:
        """The newest process of the run that is being stepped through. Raises Failure."""
        stepped = self.the_step()
        if stepped.how_ended() is not None:
            raise Failure("the stepped run has ended", "abort")
        if not stepped.pid:
            raise Failure("the stepped run has no process yet: the fork is still to come", "next")
        return stepped.pid

    def argv(self, line: str) -> list[str]:
        """The words of a command to run, the user's shell if there are none."""
        if words := split(line):
            return words
        from nsh.parts.process.calls import variable

        return [variable(self.state, self.host, "SHELL") or "/bin/sh"]

    def planned(self, state: State, argv: list[str]) -> Plan:
        """The plan of these words in that state. Raises Refusal."""
        from nsh.plan.order import plan

        return plan(state, argv, self.host)

    def plan_of(self, argv: list[str]) -> Plan:
        """The plan of what was typed after `plan`, with or without run. Raises Refusal and Failure."""
        return self.planned(self.state, argv[1:] if argv[0] == "run" and argv[1:] else argv)

    def perform(self, argv: list[str]) -> None:
        """Run the words in the state. Sets ``status``."""
        try:
            outcome = self._launch(self.planned(self.state, argv))
        except Refusal as refusal:
            raise Failure(refusal.why, *refusal.fixes, status=125) from None
        if outcome is not None:
            self.last_error = None
            self.tell_run_ended(argv)

    def tell_run_ended(self, argv: list[str]) -> None:
        """Call the hook: a command has ended by itself, and ``status`` is its status."""
        self.status_now()
        for listener in self.run_ended:
            listener(argv)

    def needs_linux(self) -> None:
        """Raise Failure where nothing can be run."""
        if not sys.platform.startswith("linux"):
            raise Failure(
                f"run needs the namespaces of Linux, and this is {sys.platform}", "show", status=125
            )

    def needs_proc(self) -> None:
        """Raise Failure where the number of a child means another process in /proc, or none."""
        from nsh.parts.ids.diagnose import look_into_proc

        if unseen := look_into_proc(self.host):
            raise Failure(unseen.cause, *unseen.fixes, status=125)

    def _launch(self, wanted: Plan, streams: tuple[int, int, int] | None = None) -> Outcome | None:
        """Perform a plan and set ``status``; None if a call of it failed, which is told by then.

        ``streams`` are other descriptors for the command than those of the shell. Raises
        Interrupted if Ctrl-C ended the command.
        """
        return self.settle(self.attempt(wanted, streams), wanted)

    def settle(self, outcome: Outcome | CallFailed, wanted: Plan) -> Outcome | None:
        """Set ``status`` as a run has ended; None if a call of it failed, which is told by then.

        Raises Interrupted if Ctrl-C ended the command.
        """
        if isinstance(outcome, Exception):
            self.explain_call(outcome, wanted)
            return None
        self.status = outcome.status
        if outcome.interrupted and outcome.signal:
            self.interrupted()
        return outcome

    def interrupted(self) -> NoReturn:
        """Raise Interrupted: Ctrl-C has ended a command."""
        if self.recording is not None:
            self.recording.interrupted()
        raise Interrupted

    def attempt(
        self, wanted: Plan, streams: tuple[int, int, int] | None = None
    ) -> Outcome | CallFailed:
        """Perform a plan. Gives how it ended.

        Raises Failure where nothing can be run, or when a call of nsh itself fails.
        """
        return self.through_door(wanted, lambda planned: self._perform(planned, streams))

    def through_door(self, wanted: Plan, perform: Callable[[Plan], Done]) -> Done:
        """The one door through which all runs go: ``perform`` gets the plan to perform.

        Gives what that gives. Raises Failure where nothing can be run, or when a call of nsh itself
        fails.
        """
        self.needs_linux()
        if wanted.state.has_maps and self.host.foreign_proc:
            self.needs_proc()  # the maps would be written to that other process
        self.flush()
        try:
            if self.recording is None or not self.in_line:
                return perform(wanted)
            with self.recording.around(wanted) as planned:
                return perform(planned)
        except OWN_FAILURES as error:
            raise Failure(own_failure(error), "quit", status=125) from None

    def _perform(self, wanted: Plan, streams: tuple[int, int, int] | None) -> Outcome | CallFailed:
        from nsh.run.perform import CallFailed, launch

        trace = self.new_trace()
        used = streams or self.streams
        try:
            outcome = launch(wanted, trace, self._still_alive, used, self._cannot_stop)
        except CallFailed as failed:
            self.pids += [failed.values[name] for name in wanted.chain() if name in failed.values]
            return failed
        finally:
            if trace:
                trace.end()
        self.pids += outcome.pids
        return outcome

    def new_trace(self) -> Folded | None:
        """What takes the calls of a run and prints them, None if they are not to be seen."""
        if not self.tracing:
            return None
        from nsh.show.plans import Folded

        return Folded(self.error)

    def explain_call(self, failed: CallFailed, wanted: Plan) -> None:
        """Say which call of a plan failed, why, and what to type. Sets ``status``."""
        try:
            from nsh.parts.part import FailedCall
            from nsh.plan.diagnose import cause_of, status
            from nsh.show.plans import failed_text

            names = tuple(self.command_names())
            call = FailedCall(failed.call, failed.errno, wanted, self.host, names)
            found = cause_of(call)
            self.status = status(call)
            first = failed_text(failed.call, failed.values, failed.errno)
        except OWN_FAILURES as error:
            why = f"{failed}; why cannot be found out: {own_failure(error)}"
            raise Failure(why, "quit", status=125) from None
        self.explain_failure(found.cause, found.fixes, first)
        assert self.last_error is not None
        self.last_error = self.last_error.replace(
            call=failed.call.name, errno=errno.errorcode.get(failed.errno, "")
        )

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
