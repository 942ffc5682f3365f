"""Queues: the message queues that a learner has made on the host, where they stay. See sysvipc(7)."""

from __future__ import annotations

import os

from nsh.course.way import LessonWay
from nsh.linux.procfs import sysvipc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LESSON = "ipc"

_ID, _CREATOR = 1, 9
"""Where they stand in a line of /proc/sysvipc/msg."""


def own_queues() -> set[int]:
    """The ids of the System V queues in this process's ipc namespace that its user has made."""
    own = str(os.geteuid())
    return {int(row[_ID]) for row in sysvipc("msg") if len(row) > _CREATOR and row[_CREATOR] == own}


class QueueCommands(LessonWay):
    """Looks, in the lesson about them, whether a command has left a queue on the host."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: set[int] = set()
        self._left: set[int] = set()

    def onecmd(self, line: str) -> bool:
        """Run one command; in that lesson, tell of a queue that is on the host since."""
        if not self._about_queues():
            return super().onecmd(line)
        if not self.sourcing:
            self._known = own_queues()
        try:
            return super().onecmd(line)
        finally:  # also of one that Ctrl-C has ended
            self._tell_left()

    def _tell_left(self) -> None:
        there = own_queues()
        new = there - self._known
        self._known = there
        self._left |= new
        if not self._about_queues():
            new, self._left = self._left & there, set()
        if new:
            fix = " ".join(["!ipcrm", *[f"-q {number}" for number in sorted(new)]])
            self.fixes = (fix,)
            what, stays = ("a queue", "stays") if len(new) == 1 else ("queues", "stay")
            self.error(f"{what} made on the host {stays} there until removed", f"try: {fix}")

    def _about_queues(self) -> bool:
        return self._lesson is not None and self._lesson.name == _LESSON
