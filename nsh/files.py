"""Files: how a script is read, which lines of it belong together, and how a file is written whole."""

from __future__ import annotations

import os
import sys

from nsh.errors import Failure
from nsh.value import Value
from nsh.words import BLANKS, MORE, OPERATORS, PROMPT, RAW, WordError, command_word, commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

BYTE_ORDER_MARK = os.fsdecode(b"\xef\xbb\xbf")

_NESTS = ("$(", "(")
_ENDS_WORD = BLANKS + OPERATORS + ";"
_SIGN = PROMPT.rstrip()


class LogicalLine(Value):
    """One line of a script, or several that belong together.

    number  of its first line, from 1 on
    text    the whole line
    parts   the lines that it was typed on
    """

    number: int
    text: str
    parts: tuple[str, ...]


def logical_lines(lines: Iterable[str], session: bool | None = None) -> Iterator[LogicalLine]:
    """Lines joined where one continues the other: after a backslash, in a quote of a shell's line.

    The end of a line may be CR LF, and the first may begin with a byte order mark. ``session``:
    whether they are a copied session, in which only what stands behind a prompt was typed; if that
    is None, the first of them that is no comment tells. A single copied prompt is taken off.
    """
    parts: list[str] = []
    whole: list[str] = []
    context = ""
    for at, line in enumerate(lines, 1):
        line = line.removesuffix("\n").removesuffix("\r")
        if at == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if session is not False or _SIGN in line:
            typed = behind_prompt(line)
            if parts and session:
                if typed is None and (more := behind_more(line)) is not None:
                    line = more
                else:
                    text = "".join(whole).removesuffix("\n")
                    yield LogicalLine(at - len(parts), text, tuple(parts))
                    parts, whole, context = [], [], ""
            if not parts:
                if session is None:
                    session = _tells(line)
                if typed is not None:
                    line = typed
                elif session:
                    continue
        parts.append(line)
        if more_follows := continuation(context + line):
            start, after = more_follows
            whole.append(start[len(context) :])
            context = after
            continue
        whole.append(line)
        yield LogicalLine(at - len(parts) + 1, "".join(whole), tuple(parts))
        parts, whole, context = [], [], ""
    if parts:
        text = "".join(whole).removesuffix("\n")
        yield LogicalLine(at - len(parts) + 1, text, tuple(parts))


def _tells(line: str) -> bool | None:
    """Whether a line is of a copied session, the only one or its fence; None if it may be both."""
    if behind_prompt(line) is not None or line.startswith("```nsh"):
        return True
    return False if line.strip() and not line.startswith("#") else None


def continuation(line: str) -> tuple[str, str] | None:
    """None if the line is complete; else what the next one is put behind, and a context.

    A line goes on after a backslash that nothing quotes, which goes away with the newline; and a
    line for a shell in an open quote or substitution, which keeps the newline (Shell Command
    Language, 2.2 Quoting). The context is a short text that can stand for the line in front of the
    next one, when that is asked about in its turn.
    """
    joins = line.endswith("\\")
    if not joins:
        if "'" not in line and '"' not in line and "`" not in line and "$(" not in line:
            return None
        if not any(word in line for word in ("!", *RAW)):
            return None
    at = _raw_at(line)
    if at >= 0:
        openers, joins, in_word = _left_open(line[at:])
        if not (joins or openers):
            return None
        context = f"sh {openers}{'x' if in_word else ''}"
        return (line[:-1] if joins else line + "\n"), context
    after = _after_backslash(line) if joins else None
    return None if after is None else (line[:-1], after)


def _after_backslash(line: str) -> str | None:
    """The context after a line that ends in a backslash, None if that is quoted or in a comment."""
    at = 0
    begun = in_word = False
    while at < len(line):
        char = line[at]
        if char == "\\":
            if at == len(line) - 1:
                return "x" if in_word else "x " if begun else ""
            at += 2
            in_word = True
        elif char == '"':
            end = at + 1
            while end < len(line) and line[end] != '"':
                end += 2 if line[end] == "\\" else 1
            if end >= len(line):
                return '"x' if end > len(line) else None
            at = end + 1
            in_word = True
        elif char == "'":
            end = line.find("'", at + 1)
            if end < 0:
                return None
            at = end + 1
            in_word = True
        elif char == "#" and not in_word:
            return None
        else:
            in_word = char not in BLANKS and char not in OPERATORS and char != ";"
            at += 1
        begun = char != ";" and (begun or char not in BLANKS)
    return None


def _raw_at(line: str) -> int:
    """The index from which on a shell will read the line, -1 if none will."""
    try:
        *_, last = ["", *commands(line, RAW)]
    except WordError:
        return -1
    if last.startswith("!"):
        return len(line) - len(last) + 1
    name, rest = command_word(last)
    return len(line) - len(rest) if name in RAW else -1


def _left_open(text: str) -> tuple[str, bool, bool]:
    """How a shell goes on after a text.

    Gives the quotes and substitutions that are open, whether its last character is a backslash
    that joins it with the next line, and whether a word has begun, in which # is no comment.
    """
    stack: list[str] = []
    at = 0
    in_word = False
    while at < len(text):
        char, inner = text[at], stack[-1] if stack else ""
        two = text[at : at + 2]
        step = 1
        begins = False  # a command
        if inner == "'":
            end = text.find("'", at)
            if end < 0:
                break
            stack.pop()
            at, char = end, "'"
        elif char == "\\":
            if at == len(text) - 1:
                return "".join(stack), True, in_word and inner not in ('"', "$'")
            step = 2
        elif inner == "$'":
            if char == "'":
                stack.pop()
        elif char == inner:  # the end of a " or `
            stack.pop()
        elif two == "$$":
            step = 2
        elif two == "$(" or (two == "$'" and inner != '"'):
            stack.append(two)
            step = 2
            begins = two == "$("
        elif char in '"`' or (char == "'" and inner != '"') or (char == "(" and inner in _NESTS):
            stack.append(char)
            begins = char == "`"
        elif char == ")" and inner in _NESTS:
            stack.pop()
        elif char == "#" and not in_word and inner != '"':
            found = [text.find(end, at) for end in ("\n", *(["`"] if "`" in stack else []))]
            at = min([end for end in found if end >= 0], default=len(text))
            continue
        in_word = not begins and char not in _ENDS_WORD
        at += step
    return "".join(stack), False, False


def continues(line: str) -> bool:
    """Whether the line goes on in the next one.

    >>> continues("run echo a \\\\"), continues("run echo a \\\\\\\\"), continues("# a \\\\")
    (True, False, False)
    >>> continues("sh echo 'a"), continues("run echo 'a")
    (True, False)
    """
    return continuation(line) is not None


def joined(text: str) -> str:
    r"""What was typed on several lines as the line that it is.

    >>> joined("flags \\\n+net"), joined("sh echo 'a\\\nb'")
    ('flags +net', "sh echo 'a\\\nb'")
    """
    whole, *parts = text.split("\n")
    for part in parts:
        more = continuation(whole)
        whole = (more[0] if more else whole + "\n") + part
    return whole


def behind_prompt(line: str) -> str | None:
    """What stands behind a prompt that was copied along with it, None if there is no prompt.

    >>> behind_prompt("nsh> flags +net"), behind_prompt("nsh>"), behind_prompt("flags")
    ('flags +net', '', None)
    """
    text = line.lstrip(BLANKS)
    if text.startswith(PROMPT):
        return text[len(PROMPT) :]
    return "" if text.rstrip(BLANKS) == _SIGN else None


def behind_more(line: str) -> str | None:
    """What stands behind a copied prompt of a line that continues another, None if there is none.

    >>> behind_more("> two"), behind_more("... two"), behind_more("two")
    ('two', 'two', None)
    """
    text = line.lstrip(BLANKS)
    for sign in (MORE, "... "):
        if text.startswith(sign):
            return text[len(sign) :]
        if text == sign.rstrip():
            return ""
    return None


def open_script(path: str) -> list[str]:
    """The lines of a script file. Raises Failure if it cannot be read or is no text."""
    try:
        with open_text(path) as file:
            first = file.readline()
            if "\0" not in first:
                return [first, *file.readlines()] if first else []
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}") from None
    raise Failure(f"cannot read {path}: it is a binary file, not lines of text")


def open_text(file: str | int) -> TextIO:
    """Open a file of lines to read. What is not valid text passes through nsh unchanged."""
    return open(file, encoding=sys.getfilesystemencoding(), errors="surrogateescape", newline="\n")


def write_whole(path: str, text: str) -> None:
    """Write a file as a whole: a regular file changes at once or not at all. Raises OSError."""
    data = os.fsencode(text)
    real = os.path.realpath(path)
    if path.startswith(("/dev/", "/proc/")) or (os.path.exists(real) and not os.path.isfile(real)):
        # A device, a pipe or a descriptor is written to, never replaced; an open one goes on where
        # it stands.
        fd = {"/dev/stdout": 1, "/dev/stderr": 2}.get(path)
        with open(path if fd is None else os.dup(fd), "ab", buffering=0) as file:
            file.write(data)
        return
    replace(real, data)


def replace(path: str, data: bytes) -> None:
    """Put the data in the place of a regular file in one step; its owner and mode stay.

    ``path`` is no link. A file that is not there yet is made. Raises OSError, and then nothing
    has changed.
    """
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None
    temporary = f"{path}.{os.getpid()}~"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    # Private until it is known for whom it is.
    fd = os.open(temporary, flags, 0o600 if before else 0o666)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()  # all of it, or an error: a disk may be full
            if before:
                _take_after(fd, before)
            os.fsync(fd)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _take_after(fd: int, before: os.stat_result) -> None:
    now = os.fstat(fd)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            # Under sudo the file stays its author's; chown(2) clears setuid, so it is first.
            os.fchown(fd, before.st_uid, before.st_gid)
        except PermissionError:
            pass  # an ordinary user who may write here; the new file is theirs
    os.fchmod(fd, before.st_mode & 0o7777)


def own_file(environ: dict[str, str], variable: str, default: str, name: str) -> str:
    """A file of that name in nsh's own directory under an XDG base directory, "" if there is no place.

    A relative base counts as not set. Without HOME, the user database says where home is. See the
    XDG Base Directory Specification, and passwd(5).
    """
    base = environ.get(variable, "")
    if not base.startswith("/"):
        home = environ.get("HOME", "")
        if not home.startswith("/"):
            home = _home()
        if not home.startswith("/"):
            return ""
        base = os.path.join(home, default)
    return os.path.join(base, "nsh", name)


def _home() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""
