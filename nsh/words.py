"""Words: how a line of nsh is cut into commands and words.

Words are quoted as in POSIX sh (Shell Command Language, 2.2 Quoting); nothing is ever expanded.
Pure functions on strings.
"""

from __future__ import annotations

OPERATORS = "|&<>()"
BLANKS = " \t\r\n\v\f"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


class WordError(Exception):
    """A line that cannot be cut into words. ``why`` says what is wrong."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Operator(WordError):
    """An unquoted ``| & < > ( )``: a job for a shell. ``sign`` is the character."""

    def __init__(self, sign: str) -> None:
        super().__init__(f"unquoted {sign!r}")
        self.sign = sign


def _skip_quoted(line: str, at: int) -> int:
    """The index after the quoted part that starts at ``line[at]``; raises WordError if it is open."""
    quote = line[at]
    if quote == "\\":
        return at + 2
    end = at + 1
    while end < len(line) and line[end] != quote:
        end += 2 if quote == '"' and line[end] == "\\" else 1
    if end >= len(line):
        raise WordError(f"unclosed quote: {line[at:]}")
    return end + 1


def first_word(line: str) -> tuple[str, str]:
    """The first word of a command, as typed, and the rest of the line without leading blanks.

    >>> first_word("  run ps aux")
    ('run', 'ps aux')
    """
    parts = line.split(None, 1)
    if not parts:
        return "", ""
    return parts[0], parts[1] if len(parts) > 1 else ""


def next_command(line: str) -> tuple[str, str]:
    """Cut a line at its first unquoted ``;``: the command before it and the rest after it.

    A comment (an unquoted ``#`` that begins a word) ends the line. Raises WordError on an open quote.

    >>> next_command("flags +pid; run ps # now")
    ('flags +pid', ' run ps # now')
    """
    at = 0
    in_word = False
    while at < len(line):
        char = line[at]
        if char in "'\"\\":
            at = _skip_quoted(line, at)
            in_word = True
            continue
        if char == ";":
            return line[:at].strip(BLANKS), line[at + 1 :]
        if char == "#" and not in_word:
            break
        in_word = char not in BLANKS and char not in OPERATORS
        at += 1
    return line[:at].strip(BLANKS), ""


def split(command: str) -> list[str]:
    """The words of one command, with the quotes taken off.

    Raises WordError on an open quote or a NUL, Operator on an unquoted ``| & < > ( )`` or ``;``.

    >>> split("run echo 'a  b' c\\\\ d")
    ['run', 'echo', 'a  b', 'c d']
    """
    if "\0" in command:
        raise WordError("a word cannot hold the character NUL")
    words: list[str] = []
    word: list[str] | None = None
    at = 0
    while at < len(command):
        char = command[at]
        if char in BLANKS:
            if word is not None:
                words.append("".join(word))
                word = None
            at += 1
            continue
        if char == "#" and word is None:
            break
        if char in OPERATORS or char == ";":
            raise Operator(char)
        if word is None:
            word = []
        if char in "'\"\\":
            end = _skip_quoted(command, at)
            if char == "\\":
                if command[at + 1 : end] != "\n":
                    word.append(command[at + 1 : end])
            elif char == "'":
                word.append(command[at + 1 : end - 1])
            else:
                word.append(_unquote_double(command[at + 1 : end - 1]))
            at = end
            continue
        word.append(char)
        at += 1
    if word is not None:
        words.append("".join(word))
    return words


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


def continues(line: str) -> bool:
    """Whether the line goes on in the next one: it ends in a backslash that nothing quotes.

    >>> continues("run echo a \\\\"), continues("run echo a \\\\\\\\"), continues("# a \\\\")
    (True, False, False)
    """
    if not line.endswith("\\"):
        return False
    at = 0
    in_word = False
    while at < len(line):
        char = line[at]
        if char == "\\" and at == len(line) - 1:
            return True
        if char == "#" and not in_word:
            return False
        if char == '"' and line.find('"', at + 1) == -1:
            # An open double quote: the backslash joins the lines inside it.
            return (len(line) - len(line.rstrip("\\"))) % 2 == 1
        if char in "'\"\\":
            try:
                at = _skip_quoted(line, at)
            except WordError:
                return False
            in_word = True
            continue
        in_word = char not in BLANKS
        at += 1
    return False


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
