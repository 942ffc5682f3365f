"""Words: how a line of nsh is cut into commands and words.

Words are quoted as in POSIX sh (Shell Command Language, 2.2 Quoting); nothing is ever expanded.
Pure functions on strings.
"""

from __future__ import annotations

PROMPT = "nsh> "
MORE = "> "
"""What stands before a typed line, and before the lines that continue it."""

RAW = frozenset(("sh", "host"))
"""Commands that get the rest of the line as it is typed: a shell will read it. So does ``!``."""

OPERATORS = "|&<>()"
BLANKS = " \t\n"
_QUOTES = "'\"\\"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")
_CUTS = frozenset(";#" + _QUOTES)
_SPECIAL = _CUTS | frozenset(OPERATORS)

# Control characters in a message would play tricks with the terminal or break its line.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_VISIBLE[ord("\n")] = "\\n"
_VISIBLE[ord("\r")] = "\\r"
_VISIBLE[ord("\t")] = "\t"


class WordError(Exception):
    """A line that cannot be cut into words.

    why    what is wrong
    lacks  what must be added to the end of the line, "" if that would not fix it
    """

    def __init__(self, why: str, lacks: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.lacks = lacks


class Operator(WordError):
    """An unquoted ``| & < > ( )``: a job for a shell. ``sign`` is the character."""

    def __init__(self, sign: str) -> None:
        super().__init__(f"unquoted {sign!r}")
        self.sign = sign


def shorten(text: str, most: int = 60) -> str:
    """The beginning of a long text, for a message."""
    return text if len(text) <= most else text[: most - 3] + "..."


def plural(number: int, what: str) -> str:
    """So many of something.

    >>> plural(1, "command"), plural(2, "command")
    ('1 command', '2 commands')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def visible(text: str) -> str:
    """The text with its control characters written as escapes, but for tabs."""
    return text.translate(_VISIBLE)


def _skip_quoted(line: str, at: int) -> int:
    """The index after the quoted part that starts at ``line[at]``; raises WordError if it is open."""
    quote = line[at]
    if quote == "\\":
        return min(at + 2, len(line))
    end = at + 1
    while end < len(line) and line[end] != quote:
        end += 2 if quote == '"' and line[end] == "\\" else 1
    if end >= len(line):
        raise WordError(f"unclosed quote: {shorten(line[at:])}", quote if end == len(line) else "")
    return end + 1


def _word_end(line: str, at: int) -> int:
    """The index after the word that starts at ``line[at]``, quotes and operators included."""
    while at < len(line) and line[at] not in BLANKS and line[at] != ";":
        at = _skip_quoted(line, at) if line[at] in _QUOTES else at + 1
    return at


def command_word(line: str) -> tuple[str, str]:
    """The first word of a command, its quotes taken off, and the rest of the line.

    Raises WordError if a quote in the first word is open.

    >>> command_word("  run ps 'aux'")
    ('run', "ps 'aux'")
    """
    line = line.lstrip(BLANKS)
    end = _word_end(line, 0)
    return _unquote(line[:end]), line[end:].lstrip(BLANKS)


def commands(line: str, raw: frozenset[str] = frozenset()) -> list[str]:
    """Cut a line at each unquoted ``;``: its commands, without the empty ones.

    A comment (an unquoted ``#`` that begins a word) ends the line. A command whose name is in
    ``raw``, or that begins with ``!``, is the rest of the line as it stands. Raises WordError on an
    open quote or a NUL.

    >>> commands("flags +pid; run ps # now")
    ['flags +pid', 'run ps ']
    >>> commands("flags +pid; sh a; b # c", frozenset({"sh"}))
    ['flags +pid', 'sh a; b # c']
    """
    if "\0" in line:
        raise WordError("a line cannot hold the character NUL")
    found: list[str] = []
    at = 0
    while True:
        while at < len(line) and line[at] in BLANKS:
            at += 1
        if at == len(line):
            return found
        if line[at] == "!" or (raw and _unquote(line[at : _word_end(line, at)]) in raw):
            return [*found, line[at:]]
        if not found and _CUTS.isdisjoint(line):
            return [line[at:]]
        start = at
        in_word = False
        while at < len(line) and line[at] != ";":
            char = line[at]
            if char in _QUOTES:
                at = _skip_quoted(line, at)
                in_word = True
                continue
            if char == "#" and not in_word:
                return [*found, line[start:at]] if start < at else found
            in_word = char not in BLANKS and char not in OPERATORS
            at += 1
        if start < at:
            found.append(line[start:at])
        at += 1
        if at > len(line):
            return found


def split(command: str) -> list[str]:
    """The words of one command, with the quotes taken off.

    Raises WordError on an open quote or a NUL, Operator on an unquoted ``| & < > ( )`` or ``;``.

    >>> split("run echo 'a  b' c\\\\ d")
    ['run', 'echo', 'a  b', 'c d']
    """
    if "\0" in command:
        raise WordError("a word cannot hold the character NUL")
    if _SPECIAL.isdisjoint(command):
        return [word for word in command.replace("\t", " ").replace("\n", " ").split(" ") if word]
    found: list[str] = []
    at = 0
    while at < len(command):
        if command[at] in BLANKS:
            at += 1
        elif command.startswith("\\\n", at):
            at += 2
        elif command[at] == "#":
            break
        else:
            start = at
            while at < len(command) and command[at] not in BLANKS:
                char = command[at]
                if char in OPERATORS or char == ";":
                    raise Operator(char)
                at = _skip_quoted(command, at) if char in _QUOTES else at + 1
            found.append(_unquote(command[start:at]))
    return found


def _unquote(word: str) -> str:
    """A word with its quotes taken off. Every quote in it is closed."""
    if _CUTS.isdisjoint(word):
        return word
    out: list[str] = []
    at = 0
    while at < len(word):
        char = word[at]
        end = _skip_quoted(word, at) if char in _QUOTES else at + 1
        if char == "\\":
            # A backslash before a newline joins two lines; one at the very end stands for itself.
            out.append("" if word[at + 1 : end] == "\n" else word[at + 1 : end] or "\\")
        elif char == "'":
            out.append(word[at + 1 : end - 1])
        elif char == '"':
            out.append(_unquote_double(word[at + 1 : end - 1]))
        else:
            out.append(char)
        at = end
    return "".join(out)


def _unquote_double(text: str) -> str:
    """The inside of double quotes: a backslash counts only before ``$ ` " \\`` and a newline."""
    if "\\" not in text:
        return text
    out: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text) and text[at + 1] in '$`"\\\n':
            if text[at + 1] != "\n":
                out.append(text[at + 1])
            at += 2
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def quote(word: str) -> str:
    """The word as it must be typed for ``split`` to give it back.

    >>> quote("ps"), quote("it's"), quote("")
    ('ps', "'it'\\\\''s'", "''")
    """
    if word and _PLAIN.issuperset(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def join(words: list[str] | tuple[str, ...]) -> str:
    """The words as one line: ``split(join(words)) == words`` (a newline cannot be typed on one line)."""
    return " ".join([quote(word) for word in words])


def number(word: str, most: int) -> int | None:
    """A whole number from 0 to ``most`` as it is typed, None if the word is none."""
    if not (word.isascii() and word.isdigit()):
        return None
    word = word.lstrip("0") or "0"
    return int(word) if len(word) <= len(str(most)) and int(word) <= most else None
