"""Way: how a learner goes through a lesson, from step to step, and what is kept of that."""

from __future__ import annotations

import os

from nsh import words
from nsh.commands.started import StartedCommands
from nsh.errors import Failure, Interrupted
from nsh.state import START

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nsh.course.goal import Miss
    from nsh.course.lesson import Lesson, Step
    from nsh.course.progress import Progress
    from nsh.run.living import Living
    from nsh.state import State
    from nsh.voice.text import Fragment, Text

_WIDTH = 80 - len("nsh: not yet: ")


class LessonWay(StartedCommands):
    """What the commands of lessons share: the step, the check of its goal, the way to the next one.

    At the prompt the way stops before each step, so that what was said can be read: Enter, or goal,
    goes on. In scripts and while a recording runs it goes on by itself, as a replay does.

    Inside: ``_paused`` says whether the step has not begun yet, and ``_before`` is the state that
    it then begins from. ``_lent`` are the children that the lesson has started, ``_needed`` the
    names of those that the step began with, ``_new`` of those that the lines typed last have
    started.

    lesson_goal  the goal in a few words, or how to go on; "" outside of a lesson
    """

    lesson_goal: str = ""
    _lesson: Lesson | None = None
    _number = 0
    _paused = False
    _before = START
    _begun = START
    _needed: tuple[str, ...] = ()
    _new: tuple[str, ...] = ()
    _stage = 0
    _shown = False
    _warned = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._lent: dict[str, Living] = {}

    def run_entry(self, line: str) -> tuple[bool, int]:
        """As StartedCommands; where the way has stopped, an empty line goes on."""
        if self._paused and self._stops and not line.strip(words.BLANKS):
            line = "goal"
        return super().run_entry(line)

    @property
    def _stops(self) -> bool:
        """Whether there is somebody who reads, and goes on with Enter."""
        return self.interactive and not self.where and self.recording is None

    def _step(self) -> Step:
        assert self._lesson is not None
        return self._lesson.steps[self._number - 1]

    def _in_lesson(self) -> None:
        """Raise Failure outside of a lesson."""
        if self._lesson is None:
            last = self.last_step()
            if last is None:
                raise Failure("this works in a lesson only", "lesson")
            line, where = last
            raise Failure(f"this works in a lesson only; you were in {where}", line)

    def _in_step(self) -> None:
        """Raise Failure outside of a step."""
        self._in_lesson()
        if self._paused:
            raise Failure(f"step {self._number} has not begun: Enter goes on with it")

    # The check of a goal.

    def _listen(self) -> None:
        """Check the goal after each run from now on, after those who say something of the run."""
        if self._check_goal not in self.run_ended:
            self.run_ended.append(self._check_goal)
            self.acted.append(self._check_goal_of_child)

    def _check_goal_of_child(self, command: str, child: Living, argv: list[str]) -> None:
        self._check_goal(argv)

    def _check_goal(self, argv: list[str]) -> None:
        """After each run: whether the goal is reached."""
        if self._lesson is None or self._paused:
            return
        from nsh.course import progress
        from nsh.course.said import explanation

        missed = self._missed(self.state)
        if missed is not None:
            first, *rest = missed.lines(_WIDTH - len(self.where), self.command, argv, self.state)
            self.error(f"not yet: {first}", *rest, role="not yet")
            if gone := self._gone():
                has = "has ended, and is" if len(gone) == 1 else "have ended, and are"
                self.error(f"{', '.join(gone)} {has} started again by: goal")
            return
        step = self._step()
        self._tell(explanation("reached", "\nReached", step, self.lexed))
        self._go_on(progress.SHOWN if self._shown else progress.SOLVED)

    def _missed(self, state: State) -> Miss | None:
        """What the current goal misses in a state. Raises Interrupted."""
        from nsh.course import goal, trial

        assert self._lesson is not None
        self.flush()
        waiting = trial.checking if self.interactive else None
        wanted, seconds = self._step().goal, self._lesson.timeout
        try:
            return goal.missed(wanted, state, self.args, seconds, self.started, waiting)
        except KeyboardInterrupt:
            self.status = 130
            raise Interrupted from None

    def _leads(self, solution: tuple[str, ...]) -> State | None:
        """What the solution makes of the state, None if the goal is not reached with that.

        Nor if it does something to children: that cannot be tried and taken back.
        """
        from nsh.course import trial

        if trial.acts(solution):
            return None
        done = self._type(solution, self.state)
        return done if self._missed(done) is None else None

    # Lines that are typed for the learner, and children that are lent.

    def _type(self, lines: tuple[str, ...], state: State) -> State:
        """Type lines on top of a state, without what only runs: the state after them.

        The children that they start are lent to the learner. Raises Interrupted.
        """
        from nsh.course import trial

        assert self._lesson is not None
        before = dict(self.started)
        own = [name for name, child in before.items() if child.lives and name not in self._lent]
        self.flush()
        try:
            done = trial.done(lines, state, self.args, self.started, self._lesson.timeout)
        except KeyboardInterrupt:
            self.status = 130
            raise Interrupted from None
        finally:
            new = [name for name, child in self.started.items() if before.get(name) is not child]
            self._lent.update({name: self.started[name] for name in new})
            self.tell_host()
            self._new = tuple(new)
        for name in new:
            if name in own:
                self.message(f"The {name} that was there has ended: the lesson needs the name.\n")
        if trial.acts(lines) and done.errors:
            self.message(done.errors)
        return done.state

    def _gone(self) -> list[str]:
        """The children that the step began with and that have ended."""
        found = [(name, self.started.get(name)) for name in self._needed]
        return [name for name, child in found if not child or not (child.lives or child.pins)]

    def _end_lent(self) -> list[str]:
        """End the children that the lesson has started, and forget them, also as joins.

        Gives the names of those that lived.
        """
        lived = [name for name, child in self._lent.items() if child.lives]
        for name, child in self._lent.items():
            child.stop(0)
            if self.started.get(name) is child:
                self.started.pop(name).close()
        joins = self.state.joins
        if gone := [each.target for each in joins if each.target in self._lent]:
            self.message(f"Your join of {', '.join(gone)} is taken back: it ended with the lesson.")
        self.change(joins=tuple([each for each in joins if each.target not in gone]))
        self._lent, self._needed = {}, ()
        self.tell_host()
        return lived

    # From step to step.

    def _begin(self, state: State, show: bool = True) -> None:
        """Begin the step in that state, with its setup on top; before it, if Ctrl-C ends the setup."""
        assert self._lesson is not None
        step = self._step()
        self._paused, self._before = True, state
        self.lesson_goal = f"{self._place()} comes next; Enter goes on"
        self._begun = self._type(step.setup, state)
        self._paused, self._needed = False, self._new
        self._stage, self._shown = 0, False
        self.become(self._begun)
        self.lesson_goal = f"{self._place()}: {step.title}"
        self._remember()
        if show:
            self._show_step()

    def _pause(self, state: State, before: str) -> None:
        """Stop before the step, which will begin in that state. ``before`` is what came last."""
        self._paused, self._before = True, state
        self._needed = ()
        assert self._lesson is not None
        steps = len(self._lesson.steps)
        self.lesson_goal = f"{before}; Enter goes on"
        self._remember()
        self.fixes, self.following = (), ""  # what a hint said of the run is not what comes next
        self.message([("hint", f"Enter goes on with step {self._number} of {steps}.")])

    def _begin_paused(self, show: bool = True) -> None:
        """Begin the step before which the way has stopped."""
        if self.state != self._before:
            step = f"step {self._number}"
            self.message(f"Your state is put back for {step}; undo gets it back.\n")
        self._begin(self._before, show)

    def _go_on(self, how: str) -> None:
        """Go on from a step that was done in that way: to the next one, or to the end."""
        from nsh.course.progress import SKIPPED

        assert self._lesson is not None
        self._mark(how)
        if self._number == len(self._lesson.steps):
            self._end()
            return
        place = self._place()
        self._number += 1
        if self._stops:
            self._pause(self.state, f"{place} {'skipped' if how == SKIPPED else 'reached'}")
        else:
            self._begin(self.state)

    def _end(self) -> None:
        """The end of the lesson: what comes next."""
        from nsh.course.lesson import COURSE

        assert self._lesson is not None
        name = self._lesson.name
        later = COURSE[COURSE.index(name) + 1 :] if name in COURSE else ()
        self._forget_last()
        ended = self._leave()
        self._say_left(f"That was the lesson {name}.", ended)
        if later:
            self._propose(f"Next: lesson {later[0]}")
        else:
            self.message("It was the last one; lesson lists them all.")

    def _leave(self) -> list[str]:
        """Leave the lesson; gives the names of the children that ended with it."""
        self._lesson, self.lesson_goal, self._paused = None, "", False
        return self._end_lent()

    def _quit(self) -> None:
        """Leave the lesson before its end, and say so at the prompt."""
        assert self._lesson is not None
        name = self._lesson.name
        ended = self._leave()
        if self._stops:
            self._say_left(f"You have left the lesson {name}.", ended)

    def _say_left(self, text: str, ended: list[str]) -> None:
        """Say that the lesson is over; at the prompt, also what stays and which children do not."""
        if self._stops and self.state != START:
            text += " The state stays."
        if self._stops and ended:
            text += f" {', '.join(ended)} {'has' if len(ended) == 1 else 'have'} ended."
        self.message(text)

    # What is said.

    def _place(self) -> str:
        assert self._lesson is not None
        return f"{self._lesson.name} {self._number}/{len(self._lesson.steps)}"

    def _tell(self, text: Text) -> None:
        """A text of the lesson: at the prompt paged if it is longer than the screen."""
        if self._stops:
            self.page(text)
        else:
            self.message(text)

    def _step_text(self) -> list[Fragment]:
        from nsh.course.said import task

        assert self._lesson is not None
        return task(self._step(), self._number, len(self._lesson.steps), self.lexed)

    def _show_step(self) -> None:
        self._tell(self._step_text())

    def _propose(self, text: str) -> None:
        """Say what comes next, LABEL: LINE, and offer the line at the prompt."""
        self.message(text)
        self.following = text.partition(": ")[2]

    # Progress.

    def last_step(self) -> tuple[str, str] | None:
        """Where the learner was last: the line that goes on there, and the place in words."""
        last = self._progress().last
        if last is None or ("/" in last[0] and not os.path.isfile(last[0])):
            return None
        return words.join(["lesson", last[0]]), f"lesson {last[0]}, step {last[1]}"

    def _progress(self) -> Progress:
        """The progress as the file has it now: another nsh may have written there."""
        from nsh.course.progress import Progress

        return Progress(self.own_environ)

    def _mark(self, how: str) -> None:
        from nsh.course.progress import SOLVED

        assert self._lesson is not None
        progress = self._progress()
        key = self._lesson.name, self._number
        if progress.done.get(key) != SOLVED:
            progress.done[key] = how
            self._save(progress)

    def _remember(self) -> None:
        """Keep at which step the learner is: at a prompt, for the next session."""
        if not self.interactive:
            return
        progress = self._progress()
        last = self._argument(), self._number
        if progress.last != last:
            progress.last = last
            self._save(progress)

    def _forget_last(self) -> None:
        progress = self._progress()
        if progress.last is not None and progress.last[0] == self._argument():
            progress.last = None
            self._save(progress)

    def _argument(self) -> str:
        """What `lesson` takes for this lesson, wherever it is typed."""
        from nsh.course.lesson import path_of

        assert self._lesson is not None
        found = path_of(self._lesson.name)
        own = found is None or str(found) != self._lesson.path
        return os.path.abspath(self._lesson.path) if own else self._lesson.name

    def _save(self, progress: Progress) -> None:
        try:
            progress.save()
        except OSError as error:
            if not self._warned:
                place = f"{progress.path}: " if progress.path else ""
                self.error(f"the progress is not kept: {place}{error.strerror}")
            self._warned = True
