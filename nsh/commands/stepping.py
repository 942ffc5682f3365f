"""The commands that step through a run: step, next, continue, abort."""

from __future__ import annotations

from nsh.commands.started import StartedCommands
from nsh.errors import Failure, OutputFailed, Refusal, Usage
from nsh.words import join, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.call import Plan
    from nsh.offers import Item
    from nsh.run.reports import Trace
    from nsh.run.running import CallFailed, Outcome
    from nsh.run.step import Stepping
    from nsh.show.plans import Folded
    from nsh.voice.text import Text


class StepCommands(StartedCommands):
    """step, next, continue and abort."""

    group = "Running"
    _told_of_end = False

    def do_step(self, line: str) -> None:
        """step [CMD ARG...]

        Begin a run and stand still before its first system call. `next` performs that
        one, `continue` all that are left, `abort` ends the run. Without CMD, step
        through a run of $SHELL.

        Between two calls the shell is as ever, and the half-made child can be looked
        at: it is `step` to ns, enter, diff -c and children, and $step is its process
        id in lines of `!`. It keeps the state that it was begun with.

            flags +uts +mnt
            step sh
            next 5
            ns step
            !ls -l /proc/$step/ns
            continue

        See `plan`, `trace`, `explain step`.
        """
        if self.stepped is not None:
            at = self.stepped.place
            raise Failure(f"a run is being stepped through, and is at {at}", "continue", "abort")
        try:
            wanted = self.planned(self.state, self.argv(line))
        except Refusal as refusal:
            raise Failure(refusal.why, *refusal.fixes, status=125) from None
        self.needs_linux()
        self.needs_proc()
        self.through_door(wanted, self._begin_step)
        self._show_coming()

    def _begin_step(self, planned: Plan) -> None:
        from nsh.run.step import Stepping

        self.stepped = Stepping(planned, self.streams, self._still_alive, self._cannot_stop)
        self._told_of_end = False

    def complete_step(self, before: list[str], word: str) -> Iterable[Item]:
        """As for run."""
        return self.offer_program(before, word)

    def do_next(self, line: str) -> None:
        """next [N]

        Perform the next call of the run that is being stepped through, or the next N,
        and print each with who makes it and its result, as `trace` does. Below stands
        the one that comes then, with its number and why.

        The tries of execve along PATH are one call. After it the command is there, and
        is waited for.

        See `step`.
        """
        words = self.words(line, at_most=1)
        count = number(words[0], 10**9) if words else 1
        if not count:
            raise Usage(f"{words[0]!r} is no number of calls: a whole number from 1 on")
        from nsh.show.plans import Folded

        self._step_on(count, Folded(self._say_now))

    def complete_next(self, before: list[str], word: str) -> Iterable[Item]:
        """How many there are."""
        if self.stepped is not None and not before:
            left = len(self.stepped.steps) - self.stepped.at
            yield str(left), "all that are left"

    def do_continue(self, line: str) -> None:
        """continue

        Perform all that is left of the run that is being stepped through, and wait for
        its command, as `run` does.

        See `step`.
        """
        from nsh.run.step import ALL

        self.words(line, at_most=0)
        self._step_on(ALL, self.new_trace())

    def do_abort(self, line: str) -> None:
        """abort

        End the run that is being stepped through, with all that was made of it.

        See `step`.
        """
        self.words(line, at_most=0)
        self.the_step()
        self._drop()

    def _drop(self) -> None:
        """End the run and forget it."""
        stepped, self.stepped = self.stepped, None
        self.host.stepped = 0
        if stepped is not None:
            stepped.abort()

    def _step_on(self, count: int, trace: Folded | None) -> None:
        """Perform so many calls, and settle what came of it. Sets ``status``."""
        from nsh.commands.listing import ended
        from nsh.run.step import RunEnded

        stepped = self.the_step()
        self.fixes = ()
        try:
            outcome = self.through_door(
                stepped.plan, lambda _: _performed(stepped, count, trace or (lambda *_: None))
            )
        except RunEnded as over:
            words = join(list(stepped.plan.argv))
            why = f"the stepped run is over: {over.actor} has ended, {ended(over.status)}"
            raise Failure(why, f"step {words}", status=over.status) from None
        finally:
            if trace:
                trace.end()
            self.pids += stepped.pids
            self.host.stepped = 0 if stepped.is_over else stepped.pid
            if stepped.is_over:
                self.stepped = None
        if outcome is None:
            self._show_coming()
        elif self.settle(outcome, stepped.plan) is not None:
            self.last_error = None
            self._tell_ended(stepped.plan)

    def _tell_ended(self, plan: Plan) -> None:
        """As after a run: to those who listen, the state is that of the run."""
        state, self.state = self.state, plan.state
        try:
            self.tell_run_ended(list(plan.argv))
        finally:
            if self.state is plan.state:  # and no lesson has gone on to its next step
                self.state = state

    def _show_coming(self) -> None:
        from nsh.show.plans import step_lines

        stepped = self.the_step()
        self.following = "next"
        total = len(stepped.steps)
        for text in step_lines(stepped.at + 1, total, stepped.coming, stepped.values):
            self.message(text)

    def _say_now(self, text: Text) -> None:
        self.message(text)
        self.flush()  # what the command writes comes after it

    # What others ask for.

    def host_variables(self) -> dict[str, int]:
        """The children that live, and the stepped run."""
        stepped = self.stepped
        if stepped is None or not stepped.pid or stepped.how_ended() is not None:
            return super().host_variables()
        return {**super().host_variables(), "step": stepped.pid}

    def look_after(self) -> list[str]:
        """A line for each end that was not told yet, also for that of the stepped run."""
        from nsh.commands.listing import ended

        told = super().look_after()
        if self.stepped is not None and not self._told_of_end:
            status = self.stepped.how_ended()
            if status is not None:
                self._told_of_end = True
                told.append(f"step has ended: {ended(status)}")
        return told

    def run_entry(self, line: str) -> tuple[bool, int]:
        """As ever; the processes of a stepped run belong to each line that they live in."""
        try:
            return super().run_entry(line)
        finally:
            if self.stepped is not None:
                self.pids += self.stepped.pids

    def end_all(self) -> None:
        """The end of nsh is that of a stepped run, too. At a prompt it is said."""
        if self.stepped is not None:
            self._drop()
            if self.interactive:
                try:
                    self.message("the stepped run is aborted")
                except OutputFailed:
                    pass
        super().end_all()


def _performed(stepped: Stepping, count: int, trace: Trace) -> Outcome | CallFailed | None:
    from nsh.run.running import CallFailed

    try:
        return stepped.go_on(count, trace)
    except CallFailed as failed:
        return failed
