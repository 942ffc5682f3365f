"""How the tests of diagnoses make nsh fail, read what it says, and type what it proposes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import NSH

FAILED = re.compile(r"^\[(\d+)\]$", re.MULTILINE)


class Lesson:
    """What nsh said about the one command that failed.

    call    the failed call as strace prints it, with its result
    cause   why
    fixes   the lines after ``try:``
    status  the status of the command
    """

    def __init__(self, call: str, cause: str, fixes: list[str], status: int) -> None:
        self.call = call
        self.cause = cause
        self.fixes = fixes
        self.status = status


def session(
    lines: Sequence[str], start: Sequence[str] = NSH, before: Sequence[str] = (), cwd: str = "/"
) -> tuple[str, list[str]]:
    """Type the lines and one more that must still work after them.

    Gives standard output with the status of each failure, and what nsh itself said.
    """
    done = subprocess.run(
        [*before, *start, "-v"],
        input="\n".join([*lines, "trace", ""]),
        capture_output=True,
        text=True,
        errors="surrogateescape",
        cwd=cwd,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert done.stdout.endswith("nsh> trace\noff\n"), (done.stdout, done.stderr)
    said = re.findall(r"^nsh: stdin:\d+: (.*)$", done.stderr, re.MULTILINE)
    return done.stdout, said


def teach(
    *lines: str,
    call: str,
    cause: str,
    fixes: Sequence[str] | None = None,
    status: int = 125,
    works: bool = True,
    start: Sequence[str] = NSH,
    before: Sequence[str] = (),
    cwd: str | Path = "/",
) -> Lesson:
    """The last line must fail with that call and cause; with ``works`` it must, in a second session,
    succeed after the proposed lines have been typed. ``call`` and ``cause`` are parts of the texts.
    """
    printed, said = session(lines, start, before, str(cwd))
    failures = [int(number) for number in FAILED.findall(printed)]
    assert failures == [status], (printed, said)
    lesson = Lesson(
        said[0], said[1], [line.removeprefix("try: ") for line in said[2:]], failures[0]
    )
    assert call in lesson.call, said
    assert cause in lesson.cause, said
    assert all(line.startswith("try: ") for line in said[2:]), said
    assert lesson.fixes, said
    if fixes is not None:
        assert lesson.fixes == list(fixes), said
    if works:
        again, said_again = session([*lines, *lesson.fixes, lines[-1]], start, before, str(cwd))
        assert FAILED.findall(again) == [str(status)], (again, said_again)
        assert len(said_again) == len(said), (again, said_again)
    return lesson
