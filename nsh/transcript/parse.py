"""Parse: the text of a transcript as data. Errors carry file and line. Pure functions.

    command  := "nsh> " text, then "> " continuation lines, expected lines, an optional "[STATUS]"
    expected := "..." | text [" (" eq|glob|re|esc ["?"] ")"] [" (no-eol" ["?"] ")"]

In ``NAME.nsh.md`` commands stand in fences whose info string is ``nsh``; ``NAME.nsht`` is one
session without fences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from nsh.files import continuation
from nsh.transcript.glob import BadExpectation, holes_of
from nsh.transcript.match import Expect, expectation
from nsh.words import MORE, PROMPT

DEFAULT_TIMEOUT = 60.0
"""Seconds that a transcript may take if it does not say."""

OF_LESSONS = (["setup"], ["goal"], ["solution"])
"""What follows nsh behind the fences of a lesson, whose parser knows the others."""

KEYS = ("requires", "skip", "timeout", "title")

_FENCE = re.compile(r"( *)(`{3,}|~{3,})[ \t]*([^`]*?)[ \t]*\Z")
_ITEM = re.compile(r" *(?:[-+*]|[0-9]{1,9}[.)]) {1,4}(?=\S)")
_STATUS = re.compile(r"\[([0-9]{1,3})\][ \t]*\Z")
_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?: |\Z)")
_TIMEOUT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m)?\Z")
_EQ = re.compile(r" \(eq\??\)(?: \(no-eol\??\))?\s*\Z")
_PLACE = re.compile(r"nsh: (?:stdin|-c|[^\s:]+):[0-9]+: ")


class FormatError(Exception):
    """A transcript that is not one: ``path``, ``line``, ``why``."""

    def __init__(self, path: str, line: int, why: str) -> None:
        super().__init__(f"{path}:{line}: {why}")
        self.path = path
        self.line = line
        self.why = why


@dataclass(frozen=True)
class Command:
    """One command of a session with what it is expected to print.

    line         the number of its first line in the file
    parts        what was typed: one part a line, all but the last ending in a backslash
    expects      the expected lines
    status       the expected exit status
    status_line  the number of its [STATUS] line, 0 if there is none
    first        the number of the line after what was typed: where expected lines begin
    end          the number of the line after all that belongs to it
    indent       blanks in front of each of its lines (an indented fence)
    """

    line: int
    parts: tuple[str, ...]
    expects: tuple[Expect, ...]
    status: int
    status_line: int
    first: int
    end: int
    indent: str = ""

    @property
    def text(self) -> str:
        """What was typed, as lines."""
        return "\n".join(self.parts)


@dataclass(frozen=True)
class Fence:
    """A fenced block: its info string, the number of its first inner line, its inner lines."""

    info: str
    line: int
    body: tuple[str, ...]
    indent: str = ""


@dataclass
class Transcript:
    """A whole file.

    lines     its lines as they are, with their ends
    requires  (line, requirement), to be probed before a replay
    skip      (line, why), or None
    fences    all fenced blocks, whatever their info string (none in the plain form)
    body      the number of the first line after the front matter
    """

    path: str
    lines: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    requires: list[tuple[int, str]] = field(default_factory=list)
    skip: tuple[int, str] | None = None
    timeout: float = DEFAULT_TIMEOUT
    title: str = ""
    fences: list[Fence] = field(default_factory=list)
    body: int = 1

    @property
    def is_lesson(self) -> bool:
        """Whether it has goals to reach instead of a session to replay."""
        return any(fence.info.split()[:2] == ["nsh", "goal"] for fence in self.fences)


def read(path: str | Path) -> Transcript:
    """The transcript in a file. Raises OSError and FormatError."""
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(str(path), line, "this is not UTF-8") from None
    return parse_transcript(text, str(path))


def is_plain(path: str) -> bool:
    """Whether a file of that name is the plain form: a session without fences."""
    return path.endswith(".nsht")


def parse_transcript(text: str, path: str = "transcript.nsh.md") -> Transcript:
    """The transcript that a text is. Raises FormatError."""
    found = Transcript(path, re.findall(r"[^\n]*\n|[^\n]+\Z", text))
    bare = [line.rstrip("\n").removesuffix("\r") for line in found.lines]
    if bare and bare[0].startswith("\ufeff"):
        bare[0] = bare[0][1:]
    found.body = _front_matter(found, bare)
    if is_plain(path):
        body = [_without_place(line) for line in bare[found.body - 1 :]]
        _no_conflicts(path, body, found.body)
        found.commands = commands_in(body, found.body, path)
    else:
        found.fences = _fences(path, bare, found.body)
        infos = [fence.info.split() for fence in found.fences]
        lesson = any(words[:1] == ["nsh"] and words[1:2] in OF_LESSONS for words in infos)
        for fence, words in zip(found.fences, infos, strict=True):
            if words[:1] == ["nsh"] and words[1:] and not lesson:
                raise FormatError(
                    path, fence.line - 1, f"{fence.info}: the fence of a session says nsh alone"
                )
            if fence.info == "nsh":
                found.commands += commands_in(fence.body, fence.line, path, fence.indent)
    check_names(found.commands, path)
    return found


def _front_matter(found: Transcript, bare: list[str]) -> int:
    """Read the front matter into ``found``; the number of the line after it."""
    if not bare or bare[0].rstrip() != "---":
        return 1
    seen: set[str] = set()
    for number, line in enumerate(bare[1:], 2):
        if line.rstrip() == "---":
            return number + 1
        if not line.strip() or line.startswith("#"):
            continue
        key, colon, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if not colon or key not in KEYS:
            raise FormatError(
                found.path, number, f"front matter: {key!r} is none of {', '.join(KEYS)}"
            )
        if key in seen:
            raise FormatError(found.path, number, f"front matter: {key} stands here twice")
        seen.add(key)
        _setting(found, number, key, value)
    raise FormatError(found.path, 1, "the front matter is not closed: a line --- is missing")


def _setting(found: Transcript, number: int, key: str, value: str) -> None:
    if not value:
        raise FormatError(found.path, number, f"front matter: {key} has no value")
    if key == "title":
        found.title = value
    elif key == "skip":
        found.skip = (number, value)
    elif key == "timeout":
        match = _TIMEOUT.match(value)
        if not match or float(match[1]) == 0:
            raise FormatError(
                found.path, number, f"timeout: {value!r} is not like 10s, 2m or 500ms"
            )
        found.timeout = float(match[1]) * {"ms": 0.001, "s": 1, "m": 60}[match[2] or "s"]
    else:
        from nsh.transcript.environment import is_requirement

        for word in re.split(r"[,\s]+", value.strip(", ")):
            if not is_requirement(word):
                raise FormatError(
                    found.path,
                    number,
                    f"requires: {word!r} is none of root, userns, program:X, ns:NAME, kernel>=X.Y",
                )
            found.requires.append((number, word))


def _no_conflicts(path: str, lines: list[str], first: int) -> None:
    for number, line in enumerate(lines, first):
        if _CONFLICT.match(line) and not _EQ.search(line):
            raise FormatError(path, number, "a merge conflict is not resolved here")


def _fences(path: str, bare: list[str], first: int) -> list[Fence]:
    """The fenced blocks from that line on, as CommonMark finds them. Raises FormatError."""
    fences = []
    opened: re.Match[str] | None = None
    start = 0
    body: list[str] = []
    # Where the text of the list items around a line begins: a fence stands up to three blanks on.
    margins = [0]
    for number, line in enumerate(bare[first - 1 :], first):
        if opened is None:
            _no_conflicts(path, [line], number)
            while line.strip() and _indent(line, margins[-1]) < margins[-1]:
                margins.pop()
            found = _FENCE.match(line)
            if (item := _ITEM.match(line)) and _indent(line, margins[-1] + 4) <= margins[-1] + 3:
                margins.append(item.end())
            elif (
                found
                and len(found[1]) <= margins[-1] + 3
                and not (found[2][0] == "`" and "`" in found[3])
            ):
                opened, start, body = found, number, []
            continue
        close = _FENCE.match(line)
        inside = margins[-1] + 3
        if close and len(close[1]) <= inside and close[2].startswith(opened[2]) and not close[3]:
            fences.append(Fence(opened[3], start + 1, tuple(body), opened[1]))
            opened = None
            continue
        inner = line[_indent(line, len(opened[1])) :]
        _no_conflicts(path, [inner], number)
        body.append(inner)
    if opened is not None:
        raise FormatError(path, start, f"the fence {opened[2]} is not closed")
    return fences


def _indent(line: str, most: int) -> int:
    return min(len(line) - len(line.lstrip(" ")), most)


def _is_command(line: str) -> bool:
    return line.startswith(PROMPT) or line.rstrip() == PROMPT.rstrip()


def commands_in(
    lines: list[str] | tuple[str, ...], first: int, path: str, indent: str = ""
) -> list[Command]:
    """The commands of a session whose first line has that number in the file. Raises FormatError."""
    starts = [at for at, line in enumerate(lines) if _is_command(line) and not _EQ.search(line)]
    before = starts[0] if starts else len(lines)
    for at, line in enumerate(lines[:before]):
        if line.strip():
            raise FormatError(path, first + at, f"this stands before the first {PROMPT}")
    return [
        _command(lines, start, end, first, path, indent)
        for start, end in zip(starts, [*starts[1:], len(lines)][: len(starts)], strict=True)
    ]


def _command(
    lines: list[str] | tuple[str, ...], start: int, end: int, first: int, path: str, indent: str
) -> Command:
    parts = [lines[start].removeprefix(PROMPT.rstrip()).removeprefix(" ")]
    at = start + 1
    whole = parts[0]
    while at < end and (lines[at].startswith(MORE) or lines[at] == MORE.rstrip()):
        if _EQ.search(lines[at]):
            break
        if not (more := continuation(whole)):
            raise FormatError(
                path,
                first + at,
                f"the line before does not end in \\, so {MORE}continues nothing;"
                " if it was printed, mark it (eq)",
            )
        parts.append(lines[at].removeprefix(MORE.rstrip()).removeprefix(" "))
        whole = more[0] + parts[-1]
        at += 1
    after = at
    expected = list(lines[at:end])
    status = status_line = 0
    if expected and (found := _STATUS.match(expected[-1])):
        status, status_line = int(found[1]), first + end - 1
        if status > 255:
            raise FormatError(path, status_line, f"{status} is no exit status: 0 to 255")
        expected.pop()
    expects = []
    for number, raw in enumerate(expected, first + after):
        try:
            expects.append(expectation(raw, number))
        except BadExpectation as error:
            raise FormatError(path, number, str(error)) from None
    return Command(
        first + start,
        tuple(parts),
        tuple(expects),
        status,
        status_line,
        first + after,
        first + end,
        indent,
    )


def check_names(commands: list[Command], path: str) -> None:
    """Raise FormatError where a hole must differ from a name that nothing before it catches."""
    known: set[str] = set()
    kinds: dict[str, str] = {}
    for command in commands:
        for expect in command.expects:
            if expect.kind != "glob" or "{" not in expect.text:
                continue
            for hole in holes_of(expect.text):
                for other in hole.differs:
                    if other not in known:
                        raise FormatError(
                            path, expect.line, f"{hole.text}: no hole before it is named {other}"
                        )
                if hole.name and kinds.setdefault(hole.name, hole.kind) != hole.kind:
                    raise FormatError(
                        path,
                        expect.line,
                        f"{hole.text}: the name {hole.name} is taken by a hole {{{kinds[hole.name]}}}",
                    )
                if hole.name:
                    known.add(hole.name)


def _without_place(line: str) -> str:
    """An error of ``nsh -v < SCRIPT`` as it reads at a prompt: without the place in the script.

    A line marked (eq) is what a command printed, and stays.
    """
    return _PLACE.sub("nsh: ", line) if has_place(line) and not _EQ.search(line) else line


def has_place(line: str) -> bool:
    """Whether a line reads like an error of nsh in a script.

    >>> has_place("nsh: stdin:3: there is no command moon"), has_place("nsh: usage: undo [N]")
    (True, False)
    """
    return bool(_PLACE.match(line))
