"""The commands of lessons: lesson, goal, hint, solution and skip."""

from __future__ import annotations

from nsh.core import Failure
from nsh.host import CAP_SYS_ADMIN
from nsh.state import START
from nsh.teach_commands import TeachCommands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.lesson import Lesson, Progress, Step

_WITHOUT_USER = ("skeleton", "user")
"""The lessons that begin without a user namespace also where only that gives the right to others."""


class LessonCommands(TeachCommands):
    """The course: a goal is checked after each run, in children of the learner's own state.

    lesson_goal  the goal in a few words, "" outside of a lesson
    """

    lesson_goal: str = ""
    _lesson: Lesson | None = None
    _progress: Progress | None = None
    _number = 0
    _stage = 0
    _shown = False
    _warned = False

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
        self.proposed = list(self._step().solution)
        for text in self._step().solution:
            self.message("    " + text)

    def do_skip(self, line: str) -> None:
        """skip

        Go on to the next step of the lesson without reaching the goal of this one. What
        it would have left behind is done for you.
        """
        from nsh import lesson

        self.words(line, at_most=0)
        self._in_lesson()
        self.become(lesson.after(self._step().solution, self)[0])
        self._mark(lesson.SKIPPED)
        self._go_on()

    def start_lesson(self, name: str) -> None:
        """Start a lesson, or go on with it. Raises Failure if there is none of that name."""
        from nsh import lesson
        from nsh.transcript.environment import first_unmet
        from nsh.transcript.parse import FormatError

        path = lesson.path_of(name)
        if path is None:
            import difflib

            close = difflib.get_close_matches(name, lesson.COURSE, 1, 0.5)
            raise Failure(
                f"there is no lesson {name}; there are {', '.join(lesson.COURSE)}",
                f"lesson {close[0] if close else lesson.COURSE[0]}",
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
        progress = self._known()
        done = [progress.done.get((found.name, n)) for n in range(1, len(found.steps) + 1)]
        self._lesson = found
        self._number = next((n for n, how in enumerate(done, 1) if how is None), 1)
        self.become(START)
        alone = found.name not in _WITHOUT_USER and not self.host.can(CAP_SYS_ADMIN)
        if alone:
            # Nothing else works without the right to make namespaces.
            self.become(lesson.after(("flags +user", "map root"), self)[0])
        for step in found.steps[: self._number - 1]:
            self.become(lesson.after((*step.setup, *step.solution), self)[0])
        self.message(f"{found.title}\n")
        if self._number == 1:
            self.message(found.introduction + "\n")
        if alone:
            self.message("Done for you, since you are not root: flags +user; map root\n")
        self._begin()

    def after_run(self, argv: list[str]) -> None:
        """Check the goal after each run."""
        super().after_run(argv)
        if self._lesson is None:
            return
        from nsh import lesson

        missed = lesson.judge(self._step().goal, self)
        if missed is not None:
            self.error(f"not yet: {missed}")
            return
        self.message(f"\nReached: {self._step().title}\n")
        self.message(self._step().explanation + "\n")
        self._mark(lesson.SHOWN if self._shown else lesson.SOLVED)
        self._go_on()

    # The way through a lesson.

    def _step(self) -> Step:
        assert self._lesson is not None
        return self._lesson.steps[self._number - 1]

    def _in_lesson(self) -> None:
        if self._lesson is None:
            raise Failure("this works in a lesson only", "lesson")

    def _begin(self) -> None:
        from nsh import lesson

        self._stage, self._shown = 0, False
        self.proposed = []
        self.become(lesson.after(self._step().setup, self)[0])
        assert self._lesson is not None
        step = self._step()
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
            self._begin()
            return
        name = self._lesson.name
        self.message(f"That was the lesson {name}.")
        from nsh.lesson import COURSE

        later = COURSE[COURSE.index(name) + 1 :] if name in COURSE else ()
        self.message(
            f"Next: lesson {later[0]}" if later else "It was the last one; lesson lists them all."
        )
        self._leave()

    def _leave(self) -> None:
        self._lesson = None
        self.lesson_goal = ""
        self.proposed = []

    # Progress.

    def _known(self) -> Progress:
        from nsh import lesson

        if self._progress is None:
            self._progress = lesson.Progress(self.host.environ)
        return self._progress

    def _mark(self, how: str) -> None:
        from nsh import lesson

        assert self._lesson is not None
        progress = self._known()
        if progress.done.get((self._lesson.name, self._number)) != lesson.SOLVED:
            progress.done[self._lesson.name, self._number] = how
            self._save()

    def _save(self) -> None:
        progress = self._known()
        try:
            progress.save()
        except OSError as error:
            if not self._warned:
                self.error(f"the progress is not kept: {progress.path}: {error.strerror}")
            self._warned = True

    def _reset(self) -> None:
        progress = self._known()
        name = self._lesson.name if self._lesson else None
        for key in list(progress.done):
            if name is None or key[0] == name:
                del progress.done[key]
        self._save()
        if name is not None:
            self.start_lesson(self._lesson.path if self._lesson else name)

    def _list(self) -> None:
        from nsh import lesson

        progress = self._known()
        following = None
        for name in lesson.COURSE:
            found = lesson.read(lesson.PLACE / (name + lesson.SUFFIX))
            steps = len(found.steps)
            parts = [f"{progress.count(name, lesson.SOLVED)} of {steps} steps"]
            for how in (lesson.SHOWN, lesson.SKIPPED):
                if number := progress.count(name, how):
                    parts.append(f"{number} {how}")
            mark = "*" if self._lesson and self._lesson.name == name else " "
            about = found.title.removeprefix(f"{name}: ")
            self.message(f"{mark} {name:<10}{about:<35}{', '.join(parts)}")
            if following is None and sum(how[0] == name for how in progress.done) < steps:
                following = name
        if self._lesson is None:
            self.message(f"To start: lesson {following or lesson.COURSE[0]}")
