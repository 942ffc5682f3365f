"""Update: rewrites the expected lines that stopped matching, and not a byte of anything else."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Sequence

from nsh.files import replace
from nsh.transcript.encode import ANY, encode_line, looks_like_syntax
from nsh.transcript.match import expectation
from nsh.transcript.parse import is_plain
from nsh.transcript.replay import Replay, Result
from nsh.transcript.volatile import Volatile
from nsh.words import MORE


def updated(done: Replay) -> str:
    """The text of the transcript with what was printed in the place of what did not match.

    Lines that still match, prose, and commands that did not run stay as they are.
    """
    lines = done.transcript.lines
    newline = "\r\n" if any(line.endswith("\r\n") for line in lines) else "\n"
    volatile = Volatile.of_replay(done)
    changes = []
    for result in rewritten(done):
        command = result.command
        found = _expectations(result, lines, volatile, is_plain(done.transcript.path))
        new = [text if text.endswith("\n") else command.indent + text + newline for text in found]
        changes.append((command.first, command.end, new))
    return spliced(lines, changes, newline)


def spliced(
    lines: Sequence[str], changes: Iterable[tuple[int, int, list[str]]], newline: str = "\n"
) -> str:
    """The text of a file with new lines for some of its own.

    A change is the number of the first line that goes, that of the first one which stays again, and
    what comes; the changes are in order. The line before a change gets its newline if it has none.
    """
    out: list[str] = []
    at = 1
    for first, end, new in changes:
        out += lines[at - 1 : first - 1]
        if out and not out[-1].endswith("\n"):
            out[-1] += newline
        out += new
        at = end
    return "".join([*out, *lines[at - 1 :]])


def rewritten(done: Replay) -> list[Result]:
    """The commands that an update rewrites."""
    return [result for result in done.results if result.differs]


def _expectations(result: Result, lines: list[str], volatile: Volatile, plain: bool) -> list[str]:
    """The lines after the command: kept ones with their newline as in the file, new ones without."""
    command = result.command
    volatile.command(result.pids, ephemeral=not command.text.startswith(("!", "host ")))
    globs = volatile.globs(result.lines)
    out: list[str] = []
    rows = [step for step in result.steps if step.what != "missing"]
    kept_any = -1
    for number, step in enumerate(rows):
        if step.what == "extra":
            last = number == len(rows) - 1 and not result.status
            glob = globs(step.line)
            if glob == ANY and out and out[-1].strip() == ANY:
                continue
            line = result.lines[step.line]
            out.append(encode_line(line, first=not out, last=last, plain=plain, glob=glob))
        elif step.what != "any" or kept_any != step.at:
            out.append(_kept(lines, command.expects[step.at].line))
            if step.what == "any":
                kept_any = step.at
    _mark_moved(out, result.status)
    if result.status == command.status:
        if command.status_line:
            out.append(_kept(lines, command.status_line))
    elif result.status:
        out.append(f"[{result.status}]")
    return out


def _mark_moved(out: list[str], status: int) -> None:
    """Mark a kept line that means something else where it stands now."""
    for at in {0, len(out) - 1} if out else ():
        text = out[at].strip()
        moved = looks_like_syntax(text, at == 0, at == len(out) - 1 and not status)
        if moved and text.startswith((MORE, "[")) and expectation(text).text == text:
            out[at] = out[at].replace(text, f"{text} (eq)")


def _kept(lines: list[str], number: int) -> str:
    line = lines[number - 1]
    return line if line.endswith("\n") else line + "\n"


def patch(done: Replay, text: str) -> str:
    """The update as a unified diff."""
    path = done.transcript.path
    new = re.findall(r"[^\n]*\n|[^\n]+\Z", text)
    rows = difflib.unified_diff(done.transcript.lines, new, f"{path} (now)", f"{path} (updated)")
    return "".join(row if row.endswith("\n") else row + "\n" for row in rows)


def write(path: str, text: str) -> None:
    """Put the text in the place of the file in one step, with its owner and mode. Raises OSError."""
    replace(os.path.realpath(path), text.encode())
