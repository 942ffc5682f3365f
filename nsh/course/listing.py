"""Listing: the lessons of the course and how far the learner is in each."""

from __future__ import annotations

from nsh.course.lesson import COURSE, PLACE, SUFFIX, read
from nsh.course.progress import SHOWN, SKIPPED, SOLVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.course.lesson import Lesson
    from nsh.course.progress import Progress
    from nsh.voice.text import Fragment

WIDTH = 80
_MOST_STEPS = 5

_SIGNS = {SOLVED: "\N{CHECK MARK}", None: "\N{MIDDLE DOT}"}
_ASCII_SIGNS = {SOLVED: "x", None: "."}
_OTHER_WAY = "~"
_LOOKS = {SOLVED: "solved", "open": "open"}


def marks(ways: list[str | None], unicode: bool = True) -> str:
    """A sign for each step: solved; shown or skipped; open.

    >>> marks(["solved", "skipped", "shown", None]), marks(["solved", "shown", None], False)
    ('✓~~·', 'x~.')
    """
    signs = _SIGNS if unicode else _ASCII_SIGNS
    return "".join([signs.get(way, _OTHER_WAY) for way in ways])


def counts(ways: list[str | None], width: int = WIDTH) -> str:
    """The same in numbers, no longer than ``width`` if that can be.

    >>> counts(["solved", "skipped", None]), counts(["solved", "skipped"], 20)
    ('1 of 3 steps, 1 skipped', '1 of 2, 1 skipped')
    """
    parts = [f"{ways.count(SOLVED)} of {len(ways)} steps"]
    parts += [f"{ways.count(how)} {how}" for how in (SHOWN, SKIPPED) if how in ways]
    text = ", ".join(parts)
    return text if len(text) <= width else text.replace(" steps", "", 1)


def course() -> dict[str, Lesson]:
    """The lessons of the course by their names."""
    return {name: read(PLACE / (name + SUFFIX)) for name in COURSE}


def rows(
    lessons: dict[str, Lesson], progress: Progress, current: str, unicode: bool = True
) -> list[list[Fragment]]:
    """A row of at most 80 columns for each lesson; ``current`` is the one that the learner is in."""
    found: list[list[Fragment]] = []
    for name, lesson in lessons.items():
        ways = progress.ways(name, len(lesson.steps))
        sign = "*" if name == current else " "
        about = lesson.title.removeprefix(f"{name}: ")
        start = f"{sign} {name:<9}"
        signs = marks(ways, unicode)
        gap = " " * (_MOST_STEPS - len(signs) + 1)
        room = WIDTH - len(start) - len(f"{about:<35}{signs}{gap}")
        row: list[Fragment] = [("here" if sign == "*" else "name", start), ("", f"{about:<35}")]
        row += [
            (_LOOKS.get(way or "open", "shown"), each)
            for each, way in zip(signs, ways, strict=True)
        ]
        found.append([*row, ("", gap), ("why", counts(ways, room))])
    return found


def way_on(lessons: dict[str, Lesson], progress: Progress) -> str:
    """What to do next in the course, as LABEL: LINE; a sentence when every step is solved."""
    if progress.last is not None and progress.last[0] in COURSE:
        return f"You were in step {progress.last[1]}. To go on: lesson {progress.last[0]}"
    unsolved = ""
    for name, lesson in lessons.items():
        ways = progress.ways(name, len(lesson.steps))
        if None in ways:
            label = "To start" if not any(ways) else "To go on"
            return f"{label}: lesson {name}"
        others = [number for number, way in enumerate(ways, 1) if way != SOLVED]
        if others and not unsolved:
            unsolved = f"lesson {name} {others[0]}"
    if unsolved:
        return f"You have been through all of it. Not solved yet: {unsolved}"
    return "You have solved every step; lesson NAME STEP goes through one again."
