"""Sh: what a shell will read, `sh`, `host` and `!` lines, as Pygments' lexer for sh sees it.

A room of its own, because that lexer takes several milliseconds to import: only when the first
such line is typed. What is changed in it is what a line that is still being typed needs.
"""

from __future__ import annotations

from pygments.lexer import inherit
from pygments.lexers.shell import BashLexer
from pygments.token import Operator, String

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class ShLexer(BashLexer):
    """A line for a shell, in which a quote may still be open."""

    aliases: ClassVar[list[str]] = []
    filenames: ClassVar[list[str]] = []
    mimetypes: ClassVar[list[str]] = []

    tokens: ClassVar[dict[str, list[Any]]] = {
        # No here-document fits on a line; BashLexer looks for its end in time n³.
        "basic": [(r"<<<?|<<-", Operator), inherit],
        "data": [
            # BashLexer takes an open quote for an error, and sees that a $' is open only after it
            # has read the escapes behind it in every way, in time 4ⁿ.
            (r"(?s)\$'(\\.|[^'\\])*('|\\?\Z)", String.Single),
            (r"'[^']*('|\Z)", String.Single),
            inherit,
        ],
    }
