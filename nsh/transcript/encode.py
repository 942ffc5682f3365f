"""Encode: printed bytes as the expected lines of a transcript. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from nsh.transcript.glob import escape
from nsh.transcript.match import BLANKS, Line
from nsh.transcript.parse import has_place
from nsh.words import MORE, PROMPT

_MARKED = re.compile(r" \((?:(?:eq|glob|re|esc)\??|no-eol\??)\)\Z")
_EQ = re.compile(r" \(eq\??\)(?: \(no-eol\??\))?\Z")
_STATUS = re.compile(r"\[[0-9]{1,3}\]\Z")
_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})\Z")
_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?: |\Z)")

ANY = "..."
"""The expected line that stands for any number of printed ones."""

Globs = Callable[[int], str | None]
"""Gives the glob of a printed line, by its number, that holds something volatile; ANY for a line that
may not be there the next time; None for any other."""


def lines_of(output: bytes) -> list[Line]:
    """The lines of what was printed; bytes that are not UTF-8 become surrogates.

    >>> lines_of(b"a\\nb")
    [Line(text='a', eol=True), Line(text='b', eol=False)]
    """
    parts = output.decode("utf-8", "surrogateescape").split("\n")
    last = parts.pop()
    return [Line(part) for part in parts] + ([Line(last, False)] if last else [])


def is_printable(text: str) -> bool:
    """Whether a text can stand in a file as it is.

    >>> is_printable("a\\tb ü"), is_printable("a\\x1b[0m")
    (True, False)
    """
    return text.isprintable() or text.replace("\t", "").isprintable()


def looks_like_syntax(text: str, first: bool, last: bool) -> bool:
    """Whether a printed line would be read as something else than itself.

    ``first``: it follows the command; ``last``: it ends what is expected, without a [STATUS].

    >>> looks_like_syntax("nsh> ls", False, False), looks_like_syntax("[1]", False, False)
    (True, False)
    """
    return bool(
        text == ANY
        or text.startswith(PROMPT)
        or text == PROMPT.rstrip()
        or (first and (text.startswith(MORE) or text == MORE.rstrip()))
        or (last and _STATUS.match(text))
        or _MARKED.search(text)
        or _FENCE.match(text)
        or _CONFLICT.match(text)
    )


def encode_line(
    line: Line,
    *,
    first: bool = False,
    last: bool = False,
    plain: bool = False,
    glob: str | None = None,
) -> str:
    """A printed line as an expected one that it matches; ``plain``: in the form without fences.

    ``glob`` is the line as a glob, None if it is to stand as it is.

    >>> encode_line(Line("...")), encode_line(Line("a", False)), encode_line(Line("\\x07"))
    ('... (eq)', 'a (no-eol)', '\\\\x07 (esc)')
    """
    text = line.text.rstrip(BLANKS)
    if glob == ANY:
        return ANY
    placed = plain and has_place(text)
    if glob is not None:
        body = f"{_disguised(glob, placed)} (glob)"
    elif not is_printable(text):
        body = f"{_disguised(escape(text), placed)} (esc)"
    elif placed or looks_like_syntax(text, first, last):
        body = f"{text} (eq)"
    else:
        body = text
    return body if line.eol else f"{body} (no-eol)"


def _disguised(text: str, always: bool) -> str:
    """A text with escapes whose beginning, if it looks like syntax, is one more of them."""
    if always or text.startswith((PROMPT, MORE)) or _CONFLICT.match(text):
        return f"\\x{ord(text[0]):02x}{text[1:]}"
    return text


def expected_lines(
    output: Iterable[Line], status: int = 0, globs: Globs | None = None, plain: bool = False
) -> list[str]:
    """What a command printed, and its status, as the lines that follow it in a transcript."""
    lines = list(output)
    end = len(lines) - 1
    encoded: list[str] = []
    for at, line in enumerate(lines):
        glob = globs(at) if globs else None
        if glob == ANY and encoded[-1:] == [ANY]:
            continue
        last = at == end and not status
        encoded.append(encode_line(line, first=at == 0, last=last, plain=plain, glob=glob))
    return [*encoded, f"[{status}]"] if status else encoded


def encode_command(text: str) -> list[str]:
    """What was typed, as the lines of a transcript."""
    parts = text.split("\n")
    first = (PROMPT + parts[0]).rstrip()
    if _EQ.search(first):
        first += " ;"  # or it would be read as a printed line
    return [first, *[MORE + part for part in parts[1:]]]


def glob_escape(text: str) -> str:
    """A text as a glob that only it matches.

    >>> glob_escape("a*{x}")
    'a\\\\*\\\\{x\\\\}'
    """
    return re.sub(r"[*?{}]", lambda found: "\\" + found[0], escape(text))
