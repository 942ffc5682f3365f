"""The commands of lessons: lesson, goal, hint, solution and skip."""

from __future__ import annotations

from nsh.course.way import LessonWay
from nsh.errors import Failure, Interrupted, Usage, closest
from nsh.state import START
from nsh.words import join, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.course.lesson import Lesson
    from nsh.offers import Item
    from nsh.voice.text import Fragment


class LessonCommands(LessonWay):
    """The course: a goal is checked after each run, in children of the learner's own state."""

    group = "Learning"

    def do_lesson(self, line: str) -> None:
        """lesson [NAME|FILE [STEP]|back|reset|quit]

        The course. Without an argument, list the lessons and how far you are; with the
        name of one, start it, where you left it, or at a step. FILE is a lesson of your
        own, NAME.nsh.md.

        All commands stay available during a lesson. After each run, and after what is
        done to a child that stays, the goal is checked, in a child of your state: what
        counts is what the kernel shows there, not what you typed. goal shows the task
        again, hint helps a little, solution shows the way, skip goes on without. At the
        prompt there is a stop after each step, to read and look around: Enter goes on.

        lesson back goes to the step before, with the state that it begins with. lesson
        reset forgets the progress in the lesson, or in all outside of one; lesson quit
        leaves it. Children that a lesson has started end with it.

            lesson skeleton
            lesson uts 2
        """
        match self.words(line, at_most=2):
            case []:
                self._list()
            case ["quit"]:
                self._in_lesson()
                self._quit()
            case ["reset"]:
                self._reset()
            case ["back"]:
                self._back()
            case ["quit" | "reset" | "back" as word, _]:
                raise Usage(f"{word} stands alone", f"lesson {word}")
            case [name]:
                self.start_lesson(name)
            case [name, step]:
                self.start_lesson(name, step)

    def complete_lesson(self, before: list[str], word: str) -> Iterable[Item]:
        """The lessons with their titles, what else lesson takes, files of one's own, and steps."""
        from nsh.course import lesson
        from nsh.offers import transcripts

        if before:
            if len(before) == 1:
                yield from _steps(before[0])
            return
        for name in lesson.COURSE:
            title = lesson.read(lesson.PLACE / (name + lesson.SUFFIX)).title
            yield name, title.removeprefix(f"{name}: ")
        yield "reset", f"forget the progress in {'this lesson' if self._lesson else 'all lessons'}"
        if self._lesson:
            yield "back", "go to the step before"
            yield "quit", "leave this lesson"
        yield from transcripts(self.host.cwd, word, (".md",))

    def do_goal(self, line: str) -> None:
        """goal

        Show the task of the current step of the lesson again. Children that the step
        began with and that have ended are started again.

        Between two steps, go on to the next one, as an empty line does at the prompt.
        """
        self.words(line, at_most=0)
        self._in_lesson()
        if self._paused:
            self._begin_paused()
            return
        if self._gone():
            self._type(self._step().setup, self._before)
        self._show_step()

    def do_hint(self, line: str) -> None:
        """hint

        Show the next hint for the current step of the lesson; each says a little more.
        """
        self.words(line, at_most=0)
        self._in_step()
        step = self._step()
        stage = min(self._stage, len(step.hints) - 1)
        self._stage = stage + 1
        title = f"Hint {stage + 1} of {len(step.hints)}:\n"
        self.message([("title", title), *self.voiced(step.hints[stage])])
        if self._stage == len(step.hints):
            self.message("That was the last hint; there is still: solution")

    def do_solution(self, line: str) -> None:
        """solution

        Show the lines that reach the goal of the current step. At the prompt they stand
        in grey, one after the other: the right arrow takes one, Enter sends it. The
        step counts as shown and not as solved.
        """
        self.words(line, at_most=0)
        self._in_step()
        self._shown = True
        step = self._step()
        if self._leads(step.solution) is None:
            if self._gone():
                self._type(step.setup, self._before)
            if self.state != self._begun:
                self.become(self._begun)
                self.message("Your state is put back to where the step began; undo gets it back.")
        self.proposed = list(step.solution)
        for text in step.solution:
            self.message([("", "    "), *self.lexed(text)])
        if self._stops:
            self.message("The right arrow takes each line in turn.")

    def do_skip(self, line: str) -> None:
        """skip

        Go on to the next step of the lesson without reaching the goal of this one. What
        it would have left behind is done for you, and its explanation is shown. Between
        two steps, skip the one that comes.
        """
        from nsh.course import progress
        from nsh.course.said import explanation

        self.words(line, at_most=0)
        self._in_lesson()
        if self._paused:
            self._begin_paused(show=False)
        step = self._step()
        done = self._leads(step.solution)
        if done is None:
            if self._gone():
                self._type(step.setup, self._before)
            done = self._type(step.solution, self._begun)
        self.become(done)
        self._tell(explanation("not yet", "Skipped", step, self.lexed))
        self._go_on(progress.SKIPPED)

    def start_lesson(self, name: str, step: str | None = None) -> None:
        """Start a lesson at a step, or where the learner left it.

        ``step`` is the number as it was typed. Raises Usage if there is no such lesson or it has
        no such step, and Failure if it cannot be taken.
        """
        from nsh.course import lesson
        from nsh.transcript.environment import first_unmet
        from nsh.transcript.parse import FormatError

        path = lesson.path_of(name)
        if path is None:
            close = closest(name, lesson.COURSE, 0.5)
            raise Usage(
                f"there is no lesson {name}; there are {', '.join(lesson.COURSE)}",
                f"lesson {close or lesson.COURSE[0]}",
            )
        try:
            found = lesson.read(path)
        except FormatError as error:
            raise Failure(str(error), "lesson") from None
        except OSError as error:
            raise Failure(f"cannot read {name}: {error.strerror}", "lesson") from None
        at = number(step, len(found.steps)) if step else None
        if step is not None and not at:
            steps = f"{len(found.steps)} steps, 1 to {len(found.steps)}"
            if len(found.steps) == 1:
                steps = "step 1 alone"
            why = f"the lesson {found.name} has {steps}: there is no step {step or repr(step)}"
            raise Usage(why, join(["lesson", name, "1"]))
        unmet = first_unmet(found.requires)
        if unmet is not None:
            raise Failure(f"the lesson {found.name} {unmet[1]}", "lesson")
        self._enter(found, at)

    def _enter(self, found: Lesson, at: int | None = None, introduced: bool = True) -> None:
        """Go into a lesson at a step, None for where the learner left it."""
        from nsh.course import lesson
        from nsh.course.said import fits

        own = self._lesson is None and self.state != START
        self._end_lent()
        self._lesson = found
        self._number = at or self._left_at()
        self._listen()
        state = lesson.start(found, self.host)
        try:
            for step in found.steps[: self._number - 1]:
                state = self._type((*step.setup, *step.solution), state)
        except Interrupted:
            self._leave()
            raise
        said: list[list[Fragment]] = []
        if own and self._stops and self.state != state:
            said.append([("why", "The state is the lesson's now; undo gets yours back.")])
        if introduced:
            said.append([("title", found.title)])
            if self._number == 1:
                said.append(self.voiced(found.introduction))
            if lesson.needs_user(found, self.host):
                done = "Done for you, since you are not root: flags +user; map root"
                said.append([("", done)])
        text = [piece for part in said for piece in (*part, ("", "\n\n"))][:-1]
        if self._stops and introduced and self._number == 1:
            from nsh.voice.text import plain

            whole = plain([*text, ("", "\n\n"), *self._step_text()])
            if not fits(whole):
                self._tell([*text, ("", "\n")])
                self.become(state)
                self._pause(state, f"{self._place()} comes next")
                return
        if text:
            self.message([*text, ("", "\n")])
        self._begin(state)

    def _left_at(self) -> int:
        """The step at which the learner left the lesson, else the first that is not done."""
        assert self._lesson is not None
        progress = self._progress()
        ways = progress.ways(self._lesson.name, len(self._lesson.steps))
        last = progress.last
        if last is not None and last[0] == self._argument() and 1 <= last[1] <= len(ways):
            return last[1]
        return ways.index(None) + 1 if None in ways else 1

    def _back(self) -> None:
        """Go to the step before this one."""
        self._in_lesson()
        assert self._lesson is not None
        if self._number == 1:
            raise Failure(f"this is the first step of the lesson {self._lesson.name}", "goal")
        self._enter(self._lesson, self._number - 1, introduced=False)

    def _reset(self) -> None:
        progress = self._progress()
        name = self._lesson.name if self._lesson else None
        for key in list(progress.done):
            if name is None or key[0] == name:
                del progress.done[key]
        if name is None or (progress.last is not None and progress.last[0] == self._argument()):
            progress.last = None
        self._save(progress)
        if self._lesson is not None:
            self.start_lesson(self._lesson.path)

    def _list(self) -> None:
        import sys

        from nsh.course import listing

        lessons, progress = listing.course(), self._progress()
        encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
        current = self._lesson.name if self._lesson else ""
        for row in listing.rows(lessons, progress, current, encoding.startswith("utf")):
            self.message(row)
        if self._lesson is None:
            self._propose(listing.way_on(lessons, progress))


def _steps(name: str) -> Iterable[Item]:
    """The numbers of a lesson's steps with their titles; none if it is no lesson."""
    from nsh.course import lesson
    from nsh.transcript.parse import FormatError

    path = lesson.path_of(name)
    if path is None:
        return
    try:
        steps = lesson.read(path).steps
    except (OSError, FormatError):
        return
    for place, step in enumerate(steps, 1):
        yield str(place), step.title
