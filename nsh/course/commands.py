"""The commands of lessons: lesson, goal, hint, solution and skip."""

from __future__ import annotations

from nsh.base import BaseShell
from nsh.errors import Failure, Interrupted, closest
from nsh.state import START

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from nsh.course.goal import Miss
    from nsh.course.lesson import Lesson, Step
    from nsh.course.progress import Progress
    from nsh.offers import Item
    from nsh.state import State

_WIDTH = 80


class LessonCommands(BaseShell):
    """The course: a goal is checked after each run, in children of the learner's own state.

    lesson_goal  the goal in a few words, "" outside of a lesson
    """

    group = "Learning"
    lesson_goal: str = ""
    _lesson: Lesson | None = None
    _number = 0
    _begun = START
    _stage = 0
    _shown = False
    _warned = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.run_ended.append(self._check_goal)

    def do_lesson(self, line: str) -> None:
        """lesson [NAME|FILE|reset|quit]

        The course. Without an argument, list the lessons and how far you are; with the
        name of one, start it, where you left it. FILE is a lesson of your own,
        NAME.nsh.md.

        All commands stay available during a lesson. After each run the goal is checked,
        in a child of your state: what counts is what the kernel shows there, not what
        you typed. goal shows the task again, hint helps a little, solution shows the
        way, skip goes on without.

        lesson reset forgets the progress in the lesson, or in all outside of one;
        lesson quit leaves it.

            lesson skeleton
        """
        match self.words(line, at_most=1):
            case []:
                self._list()
            case ["quit"]:
                self._in_lesson()
                self._leave()
            case ["reset"]:
                self._reset()
            case [name]:
                self.start_lesson(name)

    def complete_lesson(self, before: list[str], word: str) -> Iterable[Item]:
        """The lessons with their titles, what else lesson takes, and files of one's own."""
        from nsh.course import lesson
        from nsh.offers import transcripts

        if before:
            return
        for name in lesson.COURSE:
            title = lesson.read(lesson.PLACE / (name + lesson.SUFFIX)).title
            yield name, title.removeprefix(f"{name}: ")
        yield "reset", f"forget the progress in {'this lesson' if self._lesson else 'all lessons'}"
        if self._lesson:
            yield "quit", "leave this lesson"
        yield from transcripts(self.host.cwd, word, (".md",))

    def do_goal(self, line: str) -> None:
        """goal

        Show the task of the current step of the lesson again.
        """
        self.words(line, at_most=0)
        self._in_lesson()
        self._show_step()

    def do_hint(self, line: str) -> None:
        """hint

        Show the next hint for the current step of the lesson; each says a little more.
        """
        self.words(line, at_most=0)
        self._in_lesson()
        step = self._step()
        stage = min(self._stage, len(step.hints) - 1)
        self._stage = stage + 1
        self.message(f"Hint {stage + 1} of {len(step.hints)}:\n{step.hints[stage]}")
        if self._stage == len(step.hints):
            self.message("That was the last hint; there is still: solution")

    def do_solution(self, line: str) -> None:
        """solution

        Show the lines that reach the goal of the current step. At the prompt each of
        them stands typed for you to send. The step counts as shown and not as solved.
        """
        self.words(line, at_most=0)
        self._in_lesson()
        self._shown = True
        step = self._step()
        if self._leads(step.solution, self.state) is None:
            self.become(self._begun)
            self.message("Your state is put back to where the step began; undo gets it back.")
        self.proposed = list(step.solution)
        for text in step.solution:
            self.message("    " + text)

    def do_skip(self, line: str) -> None:
        """skip

        Go on to the next step of the lesson without reaching the goal of this one. What
        it would have left behind is done for you, and its explanation is shown.
        """
        from nsh.course import goal, progress

        self.words(line, at_most=0)
        self._in_lesson()
        step = self._step()
        done = self._leads(step.solution, self.state)
        if done is None:
            done = goal.after(step.solution, self._begun, self.args)
        self.become(done)
        self.message(f"Skipped: {step.title}\n\n{step.explanation}\n")
        self._mark(progress.SKIPPED)
        self._go_on()

    def start_lesson(self, name: str) -> None:
        """Start a lesson, or go on with it. Raises Failure if there is none of that name."""
        from nsh.course import goal, lesson
        from nsh.transcript.environment import first_unmet
        from nsh.transcript.parse import FormatError

        path = lesson.path_of(name)
        if path is None:
            close = closest(name, lesson.COURSE, 0.5)
            raise Failure(
                f"there is no lesson {name}; there are {', '.join(lesson.COURSE)}",
                f"lesson {close or lesson.COURSE[0]}",
            )
        try:
            found = lesson.read(path)
        except FormatError as error:
            raise Failure(str(error), "lesson") from None
        except OSError as error:
            raise Failure(f"cannot read {name}: {error.strerror}", "lesson") from None
        unmet = first_unmet(found.requires)
        if unmet is not None:
            raise Failure(f"the lesson {found.name} {unmet[1]}", "lesson")
        ways = self._progress().ways(found.name, len(found.steps))
        self._lesson = found
        self._number = ways.index(None) + 1 if None in ways else 1
        state = lesson.start(found, self.host)
        for step in found.steps[: self._number - 1]:
            state = goal.after((*step.setup, *step.solution), state, self.args)
        self.message(f"{found.title}\n")
        if self._number == 1:
            self.message(found.introduction + "\n")
        if lesson.needs_user(found, self.host):
            self.message("Done for you, since you are not root: flags +user; map root\n")
        self._begin(state)

    def _check_goal(self, argv: list[str]) -> None:
        """After each run: whether the goal is reached."""
        if self._lesson is None:
            return
        from nsh.course import progress

        missed = self._missed(self.state)
        if missed is not None:
            first, *rest = missed.lines(_WIDTH - len(f"nsh: {self.where}not yet: "))
            self.error(f"not yet: {first}", *rest)
            return
        self.message(f"\nReached: {self._step().title}\n")
        self.message(self._step().explanation + "\n")
        self._mark(progress.SHOWN if self._shown else progress.SOLVED)
        self._go_on()

    # The way through a lesson.

    def _step(self) -> Step:
        assert self._lesson is not None
        return self._lesson.steps[self._number - 1]

    def _in_lesson(self) -> None:
        if self._lesson is None:
            raise Failure("this works in a lesson only", "lesson")

    def _missed(self, state: State) -> Miss | None:
        """What the current goal misses in a state. Raises Interrupted."""
        from nsh.course import goal

        assert self._lesson is not None
        self.flush()
        try:
            return goal.missed(self._step().goal, state, self.args, self._lesson.timeout)
        except KeyboardInterrupt:
            self.status = 130
            raise Interrupted from None

    def _leads(self, solution: tuple[str, ...], state: State) -> State | None:
        """What the solution makes of a state, None if the goal is not reached with that."""
        from nsh.course import goal

        done = goal.after(solution, state, self.args)
        return done if self._missed(done) is None else None

    def _begin(self, state: State) -> None:
        from nsh.course import goal

        self._stage, self._shown = 0, False
        self.proposed = []
        assert self._lesson is not None
        step = self._step()
        self._begun = goal.after(step.setup, state, self.args)
        self.become(self._begun)
        self.lesson_goal = (
            f"{self._lesson.name} {self._number}/{len(self._lesson.steps)}: {step.title}"
        )
        self._show_step()

    def _show_step(self) -> None:
        assert self._lesson is not None
        step = self._step()
        self.message(f"Step {self._number} of {len(self._lesson.steps)}: {step.title}\n")
        self.message(step.task)
        if step.setup:
            self.message("\nDone for you: " + "; ".join(step.setup))

    def _go_on(self) -> None:
        assert self._lesson is not None
        if self._number < len(self._lesson.steps):
            self._number += 1
            self._begin(self.state)
            return
        from nsh.course.lesson import COURSE

        name = self._lesson.name
        self.message(f"That was the lesson {name}.")
        later = COURSE[COURSE.index(name) + 1 :] if name in COURSE else ()
        self._leave()
        if later:
            self._propose(f"Next: lesson {later[0]}")
        else:
            self.message("It was the last one; lesson lists them all.")

    def _propose(self, text: str) -> None:
        """Say what comes next, LABEL: LINE, and offer the line at the prompt."""
        self.message(text)
        self.following = text.partition(": ")[2]

    def _leave(self) -> None:
        self._lesson = None
        self.lesson_goal = ""
        self.proposed = []

    # Progress.

    def _progress(self) -> Progress:
        """The progress as the file has it now: another nsh may have written there."""
        from nsh.course.progress import Progress

        return Progress(self.host.environ)

    def _mark(self, how: str) -> None:
        from nsh.course.progress import SOLVED

        assert self._lesson is not None
        progress = self._progress()
        key = self._lesson.name, self._number
        if progress.done.get(key) != SOLVED:
            progress.done[key] = how
            self._save(progress)

    def _save(self, progress: Progress) -> None:
        try:
            progress.save()
        except OSError as error:
            if not self._warned:
                place = f"{progress.path}: " if progress.path else ""
                self.error(f"the progress is not kept: {place}{error.strerror}")
            self._warned = True

    def _reset(self) -> None:
        progress = self._progress()
        name = self._lesson.name if self._lesson else None
        for key in list(progress.done):
            if name is None or key[0] == name:
                del progress.done[key]
        self._save(progress)
        if self._lesson is not None:
            self.start_lesson(self._lesson.path)

    def _list(self) -> None:
        from nsh.course import lesson
        from nsh.course.progress import SHOWN, SKIPPED, SOLVED

        progress = self._progress()
        following = None
        for name in lesson.COURSE:
            found = lesson.read(lesson.PLACE / (name + lesson.SUFFIX))
            ways = progress.ways(name, len(found.steps))
            parts = [f"{ways.count(SOLVED)} of {len(ways)} steps"]
            parts += [f"{ways.count(how)} {how}" for how in (SHOWN, SKIPPED) if how in ways]
            mark = "*" if self._lesson and self._lesson.name == name else " "
            about = found.title.removeprefix(f"{name}: ")
            self.message(f"{mark} {name:<10}{about:<35}{', '.join(parts)}")
            if following is None and None in ways:
                following = name
        if self._lesson is None:
            self._propose(f"To start: lesson {following or lesson.COURSE[0]}")
