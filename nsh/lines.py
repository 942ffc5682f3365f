"""Lines: which typed lines belong together, and the prompts that were copied along with them.

Pure functions on strings.
"""

from __future__ import annotations

from nsh.words import BLANKS, MORE, OPERATORS, PROMPT, RAW, WordError, command_word, commands

_OPENERS = frozenset("'\"`(")
_FOR_SH = ("!", *RAW)
_NESTS = ("$(", "(")
_ENDS_WORD = BLANKS + OPERATORS + ";"


def continuation(line: str) -> tuple[str, str] | None:
    """None if the line is complete; else what the next one is put behind, and a context.

    A line goes on after a backslash that nothing quotes, which goes away with the newline; and a
    line for a shell in an open quote or substitution, which keeps the newline (Shell Command
    Language, 2.2 Quoting). The context is a short text that can stand for the line in front of the
    next one, when that is asked about in its turn.
    """
    joins = line.endswith("\\")
    if not joins and (_OPENERS.isdisjoint(line) or not any(word in line for word in _FOR_SH)):
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
                return '"' if end > len(line) else None
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
        elif two == "$(" or (two == "$'" and inner != '"'):
            stack.append(two)
            step = 2
        elif char in '"`' or (char == "'" and inner != '"') or (char == "(" and inner in _NESTS):
            stack.append(char)
        elif char == ")" and inner in _NESTS:
            stack.pop()
        elif char == "#" and not in_word and inner != '"':
            found = [text.find(end, at) for end in ("\n", *(["`"] if "`" in stack else []))]
            at = min([end for end in found if end >= 0], default=len(text))
            continue
        in_word = two != "$(" and char not in _ENDS_WORD
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
    """What was typed on several lines as the line that it is.

    >>> joined("run echo a \\\\\nb"), joined("sh echo 'a\\\\\nb'")
    ('run echo a b', "sh echo 'a\\\\\nb'")
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
    return "" if text.rstrip(BLANKS) == PROMPT.rstrip() else None


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
