"""Progress: which steps of which lessons were solved, shown or skipped. A plain file."""

from __future__ import annotations

import errno
import os

from nsh.files import own_file, write_whole

SOLVED, SHOWN, SKIPPED = "solved", "shown", "skipped"

_HERE = "here"
"""In the place of HOW: that step is where the learner was last."""

_MOST = 5
"""The most digits that the number of a step has."""


class Progress:
    """How far the learner has come: lines ``LESSON STEP HOW``, as they are in the file now.

    ``environ`` says where the file is: the variables of the XDG Base Directory Specification.

    done  (lesson, number of the step from 1 on) to solved, shown or skipped
    last  where the learner was: what ``lesson`` takes, a name or a path, and the number of the
          step; None if that is not known
    """

    def __init__(self, environ: dict[str, str]) -> None:
        self.path = own_file(environ, "XDG_STATE_HOME", ".local/state", "progress")
        self.done: dict[tuple[str, int], str] = {}
        self.last: tuple[str, int] | None = None
        self._load()

    def _load(self) -> None:
        """Read the file; lines that are not understood count for nothing.

        What is no regular file is not read: a pipe or a device may never end.
        """
        if not os.path.isfile(self.path):
            return
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            return
        for line in text.splitlines():
            words = line.rsplit(None, 2)
            if len(words) < 3 or words[2] not in (SOLVED, SHOWN, SKIPPED, _HERE):
                continue
            if not (words[1].isascii() and words[1].isdigit() and len(words[1]) <= _MOST):
                continue
            if words[2] == _HERE:
                self.last = words[0], int(words[1])
            else:
                self.done[words[0], int(words[1])] = words[2]

    def save(self) -> None:
        """Write the file, whole or not at all. Raises OSError."""
        if not self.path:
            raise OSError(errno.ENOENT, "there is no home directory to keep it in")
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        lines = [f"{name} {step} {how}\n" for (name, step), how in sorted(self.done.items())]
        if self.last is not None and self.last[0].splitlines() == [self.last[0]]:
            lines.append(f"{self.last[0]} {self.last[1]} {_HERE}\n")
        write_whole(self.path, "".join(lines))

    def ways(self, name: str, steps: int) -> list[str | None]:
        """How each step of a lesson of so many was done, None if it was not."""
        return [self.done.get((name, number)) for number in range(1, steps + 1)]
