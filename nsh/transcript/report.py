"""Report: what a replay found, in words. Pure functions."""

from __future__ import annotations

from nsh.transcript.encode import encode_line
from nsh.transcript.match import conflict
from nsh.transcript.replay import Replay, Result
from nsh.words import MORE, PROMPT, shorten

_AROUND = 3
_WIDTH = 120
_MOST = 100
"""Rows that are shown of one command."""


def failures(done: Replay) -> list[Result]:
    """The commands that were not as expected."""
    return [result for result in done.results if not result.passed]


def headline(done: Replay) -> str:
    """The first thing that went wrong in one line that stands alone; "" if nothing did."""
    path = done.transcript.path
    for result in done.results:
        if result.passed:
            continue
        command = result.command
        line, what = command.line, ""
        stopped = bool(done.stopped) and result is done.results[-1]
        missing = next((step for step in result.steps if step.what == "missing"), None)
        extra = next((step for step in result.steps if step.what == "extra"), None)
        if stopped:
            what = done.stopped
        elif missing:
            line = command.expects[missing.at].line
            what = f"expected {_short(command.expects[missing.at].raw)}"
            what += f", got {_short(_shown(result, extra.line))}" if extra else ", got no such line"
        elif extra:
            line = _near(result, extra.line)
            what = f"got {_short(_shown(result, extra.line))}, which is not expected"
        else:
            line = command.status_line or line
            what = f"expected status {command.status}, got {result.status}"
        return f"{path}:{line}: {PROMPT}{_short(command.parts[0])}: {what}"
    if done.stopped:
        return f"{path}:{done.stopped_at}: {done.stopped}"
    return ""


def _near(result: Result, line: int) -> int:
    """The line of the file beside which an extra line was printed."""
    near = result.command.line
    for step in result.steps:
        if step.what in ("match", "any", "missing"):
            near = result.command.expects[step.at].line
        if step.line == line:
            break
    return near


def _short(text: str) -> str:
    return shorten(text, _WIDTH)


def _shown(result: Result, line: int) -> str:
    return encode_line(result.lines[line])


def full_report(done: Replay) -> str:
    """All that went wrong: place, command, expected and printed lines aligned, what holes caught.

    A line that was expected and not printed has a -, one that was printed and not expected a +,
    one that is taken by ``...`` a colon.
    """
    parts = [_failure(done, result) for result in failures(done)]
    if done.stopped:
        parts.append(f"{done.transcript.path}:{done.stopped_at}: {done.stopped}")
    return "\n\n".join(parts)


def _failure(done: Replay, result: Result) -> str:
    command = result.command
    out = [f"{done.transcript.path}:{command.line}:"]
    out += [
        "    " + (PROMPT if number == 0 else MORE) + part
        for number, part in enumerate(command.parts)
    ]
    rows = _rows(result)
    keep = [False] * len(rows)
    for at, (sign, _, _) in enumerate(rows):
        if sign in "-+?":
            for near in range(max(0, at - _AROUND), min(len(rows), at + _AROUND + 1)):
                keep[near] = True
    if sum(keep) > _MOST:
        last = [at for at, kept in enumerate(keep) if kept][_MOST]
        more = len(rows) - last
        rows, keep = rows[:last], keep[:last]
    else:
        more = 0
    hidden = 0
    for (sign, number, text), kept in zip(rows, keep, strict=True):
        if kept:
            out += _hidden(hidden)
            hidden = 0
            out.append(f"{number or '':>5} {sign} {text}".rstrip())
        else:
            hidden += 1
    out += _hidden(hidden)
    if more:
        out.append(f"        ({more} more lines)")
    if result.status != command.status and result.status >= 0:
        out.append(f"{command.status_line or '':>5} - [{command.status}]")
        out.append(f"      + [{result.status}]")
    out += _catches(done, result)
    return "\n".join(out)


def _hidden(count: int) -> list[str]:
    return [f"        ({count} {'line' if count == 1 else 'lines'} as expected)"] if count else []


def _rows(result: Result) -> list[tuple[str, int, str]]:
    """(sign, line in the file, text) for each row, missing lines beside the extra ones."""
    rows: list[tuple[str, int, str]] = []
    expects = result.command.expects
    missing: list[tuple[str, int, str, bool]] = []
    extra: list[tuple[str, int, str]] = []

    def settle() -> None:
        for number in range(max(len(missing), len(extra))):
            rows.extend(row[:3] for row in missing[number : number + 1])
            rows.extend(extra[number : number + 1])
            if number < len(missing) and number < len(extra) and missing[number][3]:
                place = _first_difference(missing[number][2], extra[number][2])
                if place:
                    rows.append(("?", 0, " " * place + "^"))
        missing.clear()
        extra.clear()

    shown_any = -1
    for step in result.steps:
        if step.what == "missing":
            expect = expects[step.at]
            missing.append(("-", expect.line, expect.raw, expect.fixed))
        elif step.what == "extra":
            extra.append(("+", 0, _shown(result, step.line)))
        else:
            settle()
            if step.what == "match":
                rows.append((" ", expects[step.at].line, expects[step.at].raw))
            elif step.what == "any":
                if shown_any != step.at:
                    rows.append((" ", expects[step.at].line, expects[step.at].raw))
                    shown_any = step.at
                rows.append((":", 0, _shown(result, step.line)))
            else:
                rows.append((" ", expects[step.at].line, expects[step.at].raw))
    settle()
    return rows


def _first_difference(one: str, other: str) -> int:
    """The first column where two similar texts part, 0 if they have no beginning in common."""
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    return at if at > 0 else 0


def _catches(done: Replay, result: Result) -> list[str]:
    """What each hole of the command caught, and which names stood against a line."""
    matcher = done.matcher
    out = []
    known = dict(result.before)
    used: set[str] = set()
    expects = result.command.expects
    for step in result.steps:
        if step.what != "match" or expects[step.at].kind != "glob":
            continue
        expect = expects[step.at]
        caught = matcher.caught(expect, result.lines[step.line]) or []
        for hole, text in caught:
            out.append(f"      line {expect.line}: {hole.text} caught {text}")
            used.update([hole.name, *hole.differs])
            if hole.name:
                known[hole.name] = text
    extras = [step.line for step in result.steps if step.what == "extra"]
    for step in result.steps:
        if step.what != "missing" or expects[step.at].kind != "glob":
            continue
        expect = expects[step.at]
        for line in extras:
            caught = matcher.caught(expect, result.lines[line]) or []
            why = conflict(caught, known) if caught else ""
            if why:
                out.append(f"      line {expect.line}: {why}")
                used.update(name for hole, _ in caught for name in (hole.name, *hole.differs))
                break
    before = [
        f"      before: {{{name}}} is {result.before[name]}"
        for name in sorted(used)
        if name in result.before
    ]
    return before + out
