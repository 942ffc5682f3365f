"""The commands of lessons: lesson, goal, hint, solution and skip."""

from __future__ import annotations

from nsh.commands.started import StartedCommands
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
    from nsh.run.living import Living
    from nsh.state import State

_WIDTH = 80 - len("nsh: not yet: ")


class LessonCommands(StartedCommands):
    """The course: a goal is checked after each run, in children of the learner's own state.

    Inside: ``_lent`` are the children that the lesson has started, ``_needed`` the names of those
    that the step began with, ``_new`` of those that the lines typed last have started.
    lesson_goal  the goal in a few words, "" outside of a lesson
    """

    group = "Learning"
    lesson_goal: str = ""
    _lesson: Lesson | None = None
    _number = 0
    _before = START
    _begun = START
    _needed: tuple[str, ...] = ()
    _new: tuple[str, ...] = ()
    _stage = 0
    _shown = False
    _warned = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._lent: dict[str, Living] = {}  # the children that the lesson has started
        self.run_ended.append(self._check_goal)
        self.acted.append(lambda command, child, words: self._check_goal(words))

    def do_lesson(self, line: str) -> None:
        """lesson [NAME|FILE|reset|quit]

        The course. Without an argument, list the lessons and how far you are; with the
        name of one, start it, where you left it. FILE is a lesson of your own,
        NAME.nsh.md.

        All commands stay available during a lesson. After each run, and after what is
        done to a child that stays, the goal is checked, in a child of your state: what
        counts is what the kernel shows there, not what you typed. goal shows the task
        again, hint helps a little, solution shows the way, skip goes on without.

        lesson reset forgets the progress in the lesson, or in all outside of one;
        lesson quit leaves it. Children that a lesson has started end with it.

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

        Show the task of the current step of the lesson again. Children that the step
        began with and that have ended are started again.
        """
        self.words(line, at_most=0)
        self._in_lesson()
        if self._gone():
            self._type(self._step().setup, self._before)
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
        if self._leads(step.solution) is None:
            if self._gone():
                self._type(step.setup, self._before)
            if self.state != self._begun:
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
        from nsh.course import progress

        self.words(line, at_most=0)
        self._in_lesson()
        step = self._step()
        done = self._leads(step.solution)
        if done is None:
            if self._gone():
                self._type(step.setup, self._before)
            done = self._type(step.solution, self._begun)
        self.become(done)
        self.message(f"Skipped: {step.title}\n\n{step.explanation}\n")
        self._mark(progress.SKIPPED)
        self._go_on()

    def start_lesson(self, name: str) -> None:
        """Start a lesson, or go on with it. Raises Failure if there is none of that name."""
        from nsh.course import lesson
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
        self._end_lent()
        self._lesson = found
        self._number = ways.index(None) + 1 if None in ways else 1
        state = lesson.start(found, self.host)
        for step in found.steps[: self._number - 1]:
            state = self._type((*step.setup, *step.solution), state)
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
            first, *rest = missed.lines(_WIDTH - len(self.where), self.command, argv, self.state)
            self.error(f"not yet: {first}", *rest)
            if gone := self._gone():
                has = "has ended, and is" if len(gone) == 1 else "have ended, and are"
                self.error(f"{', '.join(gone)} {has} started again by: goal")
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
        waiting = goal.checking if self.interactive else None
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
        from nsh.course import goal

        if goal.acts(solution):
            return None
        done = self._type(solution, self.state)
        return done if self._missed(done) is None else None

    def _type(self, lines: tuple[str, ...], state: State) -> State:
        """Type lines on top of a state, without what only runs: the state after them.

        The children that they start are lent to the learner. Raises Interrupted.
        """
        from nsh.course import goal

        assert self._lesson is not None
        before = dict(self.started)
        own = [name for name, child in before.items() if child.lives and name not in self._lent]
        self.flush()
        try:
            done = goal.done(lines, state, self.args, self.started, self._lesson.timeout)
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
        if goal.acts(lines) and done.errors:
            self.message(done.errors)
        return done.state

    def _gone(self) -> list[str]:
        """The children that the step began with and that have ended."""
        found = [(name, self.started.get(name)) for name in self._needed]
        return [name for name, child in found if not child or not (child.lives or child.pins)]

    def _end_lent(self) -> None:
        """End the children that the lesson has started, and forget them, also as joins."""
        for name, child in self._lent.items():
            child.end()
            child.wait()
            if self.started.get(name) is child:
                self.started.pop(name).close()
        joins = self.state.joins
        if gone := [each.target for each in joins if each.target in self._lent]:
            self.message(f"Your join of {', '.join(gone)} is taken back: it ended with the lesson.")
        self.change(joins=tuple([each for each in joins if each.target not in gone]))
        self._lent, self._needed = {}, ()
        self.tell_host()

    def _begin(self, state: State) -> None:
        self._stage, self._shown = 0, False
        self.proposed = []
        assert self._lesson is not None
        step = self._step()
        self._before = state
        self._begun = self._type(step.setup, state)
        self._needed = self._new
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
        self._lesson, self.lesson_goal, self.proposed = None, "", []
        self._end_lent()

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
