"""Pygments lexers for nsh's lines and for transcripts.

They are Pygments plug-ins too (setup.cfg), so that any tool built on Pygments shows both. What
nsh does not know, a command, a namespace, a word, is an Error token, before anything runs.
"""

from __future__ import annotations

from pygments.lexer import Lexer
from pygments.token import (
    Comment,
    Error,
    Generic,
    Keyword,
    Name,
    Number,
    Punctuation,
    String,
    Text,
    Whitespace,
    _TokenType,
)

from nsh import words
from nsh.files import continues
from nsh.linux.mountflags import OPTIONS
from nsh.linux.namespaces import BY_NAME, find
from nsh.parts.mounts.commands import KINDS, PROPAGATIONS
from nsh.voice.theme import LINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import ClassVar

    Token = tuple[int, _TokenType, str]

_known: dict[str, tuple[str, ...] | None] = {}


def commands() -> dict[str, tuple[str, ...] | None]:
    """nsh's commands; for those whose every word is one of a few, these words."""
    if not _known:
        from nsh.commands.manual import PAGES
        from nsh.shell import Shell

        _known.update({name[3:]: None for name in dir(Shell) if name.startswith("do_")})
        for kind in Shell.__mro__:
            _known.update(vars(kind).get("choices", {}))
        _known["help"] = (*_known, *PAGES)
    return _known


def command_names() -> frozenset[str]:
    """The names of nsh's commands."""
    return frozenset(commands())


class NshLexer(Lexer):
    """Lines of nsh, as they are typed or stand in a script."""

    name = "nsh"
    url = "https://man7.org/linux/man-pages/man7/namespaces.7.html"
    # Pygments itself knows "nsh" as another name of NSIS, and finds that first.
    aliases: ClassVar[list[str]] = ["nsh-commands", "nsh"]
    filenames: ClassVar[list[str]] = ["*.nsh"]
    mimetypes: ClassVar[list[str]] = ["text/x-nsh"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[Token]:
        """(index, token type, text) of each piece; the pieces together are the text."""
        at = 0
        for line in _logical(text):
            yield from _line(line, at)
            at += len(line)


def look(line: str) -> list[tuple[str, str]]:
    """A line of nsh inside what nsh says, as (role, text) pairs; one that is none of nsh is plain.

    >>> look("flags +pid")
    [('pygments.keyword', 'flags'), ('', ' '), ('pygments.name.constant', '+pid')]
    >>> look("int clone_flags")
    [('', 'int clone_flags')]
    """
    text = line.removeprefix(words.PROMPT)
    pieces = [(kind, piece) for _, kind, piece in NshLexer().get_tokens_unprocessed(text)]
    if not pieces or pieces[0][0] is not Keyword:
        return [("", line)]
    start = [("prompt", words.PROMPT)] if text != line else []
    return start + [(_role(kind), piece) for kind, piece in pieces]


def _role(kind: _TokenType) -> str:
    """The role of a token in the theme, that of the nearest kind which has one."""
    while kind and kind is not Error:
        role = ".".join(("pygments", *kind)).lower()
        if role in LINE:
            return role
        kind = kind.parent
    return ""


def _logical(text: str) -> Iterator[str]:
    """The lines with their newlines, those that a backslash continues together."""
    whole = ""
    for part in text.splitlines(keepends=True):
        whole += part
        if not (part.endswith("\n") and continues(whole.rstrip("\n"))):
            yield whole
            whole = ""
    if whole:
        yield whole


def _line(line: str, base: int) -> Iterator[Token]:
    """The tokens of one line: pieces in order, with what command and which word they belong to."""
    command = ""
    first = True
    at = 0
    if line.startswith("#!") and base == 0:
        yield base, Comment.Hashbang, line
        return
    while at < len(line):
        char = line[at]
        start = at
        if char in words.BLANKS:
            while at < len(line) and line[at] in words.BLANKS:
                at += 1
            yield base + start, Whitespace, line[start:at]
            continue
        if line.startswith("\\\n", at):
            yield base + at, Punctuation, "\\"
            yield base + at + 1, Whitespace, "\n"
            at += 2
            continue
        if char == "#":
            end = line.find("\n", at)
            at = len(line) if end < 0 else end
            yield base + start, Comment.Single, line[start:at]
            continue
        if first and char in "!?":
            yield base + at, Keyword, char
            at += 1
            if char == "!":
                yield from _shell(line, at, base)
                return
            command, first = "help", False
            continue
        if char == ";":
            yield base + at, Punctuation, ";"
            at += 1
            command, first = "", True
            continue
        if char in words.OPERATORS:
            yield base + at, Error, char
            at += 1
            continue
        pieces, at = _word(line, at)
        typed = line[start:at]
        if first:
            command, first = typed, False
            yield base + start, _command_type(typed, at == len(line)), typed
            if command in words.RAW:
                yield from _shell(line, at, base)
                return
            continue
        if len(pieces) == 1 and pieces[0][0] is Text:
            yield base + start, _word_type(command, typed, at == len(line)), typed
            continue
        for kind, piece in pieces:
            yield base + start, kind, piece
            start += len(piece)


def _word(line: str, at: int) -> tuple[list[tuple[_TokenType, str]], int]:
    """The pieces of the word at ``line[at]``, quoted and plain ones, and the index after it."""
    pieces: list[tuple[_TokenType, str]] = []
    stop = words.BLANKS + words.OPERATORS + ";"
    while at < len(line) and line[at] not in stop:
        start = at
        if line[at] in "'\"\\":
            kind: _TokenType = String.Escape if line[at] == "\\" else String
            try:
                at = min(words._skip_quoted(line, at), len(line))
            except words.WordError:
                at, kind = len(line), Error
                if line.endswith("\n"):
                    at -= 1
        else:
            while at < len(line) and line[at] not in stop and line[at] not in "'\"\\":
                at += 1
            kind = Text
        pieces.append((kind, line[start:at]))
    return pieces, at


def _command_type(typed: str, at_end: bool) -> _TokenType:
    known = commands()
    if typed in known:
        return Keyword
    if at_end and any(name.startswith(typed) for name in known):
        return Text  # still being typed
    return Error


def _word_type(command: str, typed: str, at_end: bool) -> _TokenType:
    """What an unquoted word is to its command."""
    if command == "flags":
        return _flag_type(typed, at_end)
    if words_taken := commands().get(command):
        return _one_of(typed, words_taken, at_end)
    if command == "propagation" and typed in (*KINDS, *PROPAGATIONS):
        return Name.Constant
    if command in ("uidmap", "gidmap"):
        if typed == "none":
            return Name.Constant
        return Number.Integer if typed.isascii() and typed.isdigit() else Error
    if typed.startswith("-") and len(typed) > 1:
        return Name.Attribute
    if command == "mount" and all(
        option.partition("=")[0] and (option in OPTIONS or "=" in option)
        for option in typed.split(",")
    ):
        return Name.Attribute
    if command == "env" and "=" in typed:
        return Name.Variable
    return Text


def _flag_type(typed: str, at_end: bool) -> _TokenType:
    sign, name = typed[0], typed[1:].lower()
    if sign not in "+-":
        return Error
    if find(name) or name == "all":
        return Name.Constant
    names = [*BY_NAME, "all", *[n.constant.lower() for n in BY_NAME.values()]]
    names += [n.removeprefix("clone_") for n in names]
    return Text if at_end and any(n.startswith(name) for n in names) else Error


def _one_of(typed: str, known: tuple[str, ...], at_end: bool) -> _TokenType:
    if typed in known:
        return Name.Constant
    return Text if at_end and any(word.startswith(typed) for word in known) else Error


def _shell(line: str, at: int, base: int) -> Iterator[Token]:
    """The rest of a line that a shell will read."""
    from nsh.prompt.sh import ShLexer

    rest = line[at:]
    # With a newline after it, for without one BashLexer sees no comment.
    for index, kind, piece in ShLexer().get_tokens_unprocessed(rest + "\n"):
        if index < len(rest):
            yield base + at + index, kind, piece[: len(rest) - index]


class TranscriptLexer(Lexer):
    """Recorded sessions: `*.nsh.md`, where fences hold them, and the plain `*.nsht`."""

    name = "nsh transcript"
    url = NshLexer.url
    aliases: ClassVar[list[str]] = ["nsh-transcript", "nsht"]
    filenames: ClassVar[list[str]] = ["*.nsht", "*.nsh.md"]
    mimetypes: ClassVar[list[str]] = ["text/x-nsh-transcript"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[Token]:
        """(index, token type, text) of each piece; the pieces together are the text."""
        lines = text.splitlines(keepends=True)
        fenced = any(line.startswith("```nsh") for line in lines)
        matter = bool(lines) and lines[0].rstrip() == "---"
        inside = not fenced
        other = False
        at = 0
        for number, line in enumerate(lines):
            if matter:
                yield from _front_matter(line, at)
                matter = number == 0 or line.rstrip() != "---"
            elif fenced and line.startswith("```"):
                yield at, String.Backtick, line
                opens = not (inside or other)
                is_nsh = line[3:].split()[:1] == ["nsh"]
                inside, other = opens and is_nsh, opens and not is_nsh
            elif inside:
                yield from _session(line, at)
            elif line.startswith("#") and not other:
                yield at, Generic.Heading, line
            else:
                yield at, Text, line
            at += len(line)


def _front_matter(line: str, at: int) -> Iterator[Token]:
    key, colon, value = line.partition(":")
    if not colon:
        yield at, Punctuation, line
        return
    yield at, Name.Attribute, key
    yield at + len(key), Punctuation, ":"
    yield at + len(key) + 1, String, value


def _session(line: str, at: int) -> Iterator[Token]:
    """A line of a session: a command, its continuation, a status, or expected output."""
    import re

    for prompt in ("nsh> ", "> "):
        if line.startswith(prompt):
            yield at, Generic.Prompt, prompt
            tokens = NshLexer() if prompt == "nsh> " else None
            rest = line[len(prompt) :]
            if tokens is None:
                yield at + len(prompt), Text, rest
                return
            for index, kind, piece in tokens.get_tokens_unprocessed(rest):
                yield at + len(prompt) + index, kind, piece
            return
    if re.fullmatch(r"\[\d{1,3}\]\s*", line):
        yield at, Generic.Error, line
        return
    if line.rstrip() == "...":
        yield at, Comment.Special, line
        return
    mark = re.search(r" \((?:eq|glob|re|esc|no-eol)\??\)\s*$", line)
    end = mark.start() if mark else len(line)
    if mark and "glob" in mark.group():
        start = 0
        for hole in re.finditer(r"\{[a-z]+(?::\w+(?:!=\w+)?)?\}|[*?]", line[:end]):
            if hole.start() > start:
                yield at + start, Generic.Output, line[start : hole.start()]
            yield at + hole.start(), Name.Variable, hole.group()
            start = hole.end()
        if start < end:
            yield at + start, Generic.Output, line[start:end]
    elif end:
        yield at, Generic.Output, line[:end]
    if mark:
        yield at + end, Comment.Special, line[end:]
