"""Completion: what could be typed next, without any knowledge of how it is shown.

`complete` cuts the text before the cursor, asks the command's ``complete_NAME(before, word)`` for
(text, description) pairs, and keeps and ranks those that fit the word. What a command takes is said
beside the command.
"""

from __future__ import annotations

from nsh import words
from nsh.commands.manual import offered
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.offers import Item
    from nsh.shell import Shell


class Completion(Value):
    """A text that may stand at the end of a line, where in the line it starts, and what it is."""

    text: str
    start: int
    about: str


class Cut(Value):
    """The whole words before the one at the end of a line, that one, and where it starts."""

    before: list[str]
    word: str
    start: int


def complete(shell: Shell, text: str) -> list[Completion]:
    """What may stand at the end of ``text``.

    The best comes first: what begins with the word, then what holds it; if nothing does, what
    holds its letters in their order. Never raises.
    """
    begin = command_start(text)
    if begin < 0:
        return []
    command = text[begin:]
    if command.startswith("!"):
        return _rest_of_shell_line(shell, text, begin + 1)
    name, rest = first_word(command)
    if not rest and command == command.rstrip(words.BLANKS):
        return _fit(offered(shell), command, begin, quoting=False)
    if name in words.RAW:
        return _rest_of_shell_line(shell, text, len(text) - len(rest))
    end = cut(text, len(text) - len(rest))
    method = getattr(shell, "complete_" + name.replace("-", "_"), None)
    if method is None or not hasattr(shell, "do_" + name):
        return []
    return _fit(method(end.before, end.word), end.word, end.start)


def _rest_of_shell_line(shell: Shell, text: str, at: int) -> list[Completion]:
    """The rest of a line that a shell will read: programs where a command begins, else paths."""
    segment = max([text.rfind(sign, at) for sign in "|;&("]) + 1
    end = cut(text, max(segment, at))
    host = text[:at].rstrip().endswith(("!", "host"))
    if host and (found := _variables(shell, text, end.start)):
        return found
    return _fit(shell.offer_program(end.before, end.word, on_host=host), end.word, end.start)


def _variables(shell: Shell, text: str, start: int) -> list[Completion]:
    """The variables that a line on the host finds, where the word has a $ before the cursor."""
    dollar = text.rfind("$", start)
    begun = text[dollar + 1 :]
    if dollar < 0 or not (begun == "" or begun.isidentifier()):
        return []
    pids = shell.host_variables().items()
    items = [(f"${name}", f"process {pid}") for name, pid in pids if name.startswith(begun)]
    return _fit(items, "$" + begun, dollar, quoting=False)


def command_start(text: str) -> int:
    """The index at which the last command of a line starts, after ``;`` and blanks; -1 in a comment.

    >>> command_start("flags +pid; run p"), command_start("sh a; b")
    (12, 0)
    """
    begin = at = 0
    in_word = False
    while at < len(text):
        char = text[at]
        if not in_word and at == begin and char in words.BLANKS:
            begin = at = at + 1
            continue
        if at == begin and (
            char == "!" or (first_word(text[at:])[0] in words.RAW and _ends_word(text, at))
        ):
            return begin
        if char in "'\"\\":
            try:
                at = words._skip_quoted(text, at)
            except words.WordError:
                return begin
            in_word = True
            continue
        if char == "#" and not in_word:
            return -1
        at += 1
        in_word = char not in words.BLANKS
        if char == ";":
            begin, in_word = at, False
    return begin


def _ends_word(text: str, at: int) -> bool:
    return len(text[at:].split(None, 1)) > 1 or text[-1:] in words.BLANKS


def cut(text: str, at: int) -> Cut:
    """The words of ``text[at:]``.

    The last one may be empty, and a quote in it may still be open. Operators are taken as letters.

    >>> cut("mount bind '/my dir", 6)
    Cut(before=['bind'], word='/my dir', start=11)
    """
    before: list[str] = []
    word: list[str] = []
    start = -1
    while at < len(text):
        char = text[at]
        if char in words.BLANKS:
            if start >= 0:
                before.append("".join(word))
            word, start = [], -1
            at += 1
            continue
        if start < 0:
            start = at
        if char not in "'\"\\":
            word.append(char)
            at += 1
            continue
        try:
            end = words._skip_quoted(text, at)
            part = text[at:end]
            word += words.split(part) if len(part) > 1 else []
        except words.WordError:
            word.append(text[at + 1 :])
            end = len(text)
        at = min(end, len(text))
    return Cut(before, "".join(word), start) if start >= 0 else Cut(before, "", len(text))


def _fit(items: Iterable[Item], word: str, start: int, *, quoting: bool = True) -> list[Completion]:
    ranked = []
    seen = set()
    lower = word.lower()
    for number, (text, about) in enumerate(items):
        rank = _rank(text, word, lower)
        if rank is None or text in seen:
            continue
        seen.add(text)
        ranked.append((rank, number, text, about))
    ranked.sort()
    if ranked and ranked[0][0][0] < _SCATTERED:
        ranked = [entry for entry in ranked if entry[0][0] < _SCATTERED]
    return [
        Completion(words.quote(text) if quoting else text, start, about)
        for _, _, text, about in ranked
    ]


_SCATTERED = 3
"""The rank of a text that holds only the letters of the word: offered when none holds the word."""


def _rank(text: str, word: str, lower: str) -> tuple[int, int] | None:
    """How well a word fits a text: lower is better; None if it does not."""
    if text.startswith(word):
        return (0, 0)
    folded = text.lower()
    if folded.startswith(lower):
        return (1, 0)
    at = folded.find(lower)
    if at >= 0:
        return (2, at)
    at = first = -1
    for char in lower:
        at = folded.find(char, at + 1)
        if at < 0:
            return None
        if first < 0:
            first = at
    return (_SCATTERED, at - first)


def first_word(text: str) -> tuple[str, str]:
    """The first word of a command, as typed, and the rest of it without leading blanks."""
    parts = text.split(None, 1)
    return (parts[0] if parts else "", parts[1] if len(parts) > 1 else "")
