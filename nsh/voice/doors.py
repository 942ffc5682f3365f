"""Doors: the two ways on which what nsh says reaches the user, standard output and error."""

from __future__ import annotations

import os
import sys

from nsh.errors import OutputFailed
from nsh.voice.text import labelled, painted, plain, wrapped
from nsh.words import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from nsh.voice.text import Fragment, Text


class Doors:
    """What a shell says goes through ``message``, ``page`` and ``error``.

    interactive  whether a person types at a prompt
    where        what stands before an error: "FILE:LINE: " in a script
    said         a hook: takes what nsh says, in the place of standard output and error
    lexed        a hook: takes a line of nsh apart into (role, text) pairs, as it looks when typed
    """

    interactive = False
    where = ""
    said: Callable[[str], None] | None = None

    def lexed(self, line: str) -> list[Fragment]:
        """A line of nsh inside a text; the prompt knows more of it."""
        return [("", line)]

    def voiced(self, text: str) -> list[Fragment]:
        """Prose with its looks: see ``nsh.voice.text.prose``."""
        from nsh.voice.text import prose

        return prose(text, self.lexed)

    def message(self, text: Text, tail: str = "") -> None:
        """What was asked for, on standard output. Raises OutputFailed.

        ``tail`` stands where a line is broken, which is too long for the terminal.
        """
        if self.said:
            self.said(plain(text) + "\n")
            return
        try:
            sys.stdout.write(self._on_terminal(text, sys.stdout, tail) + "\n")
        except (OSError, ValueError, AttributeError) as error:
            raise OutputFailed(error) from None

    def page(self, text: Text, tail: str = "") -> None:
        """A long answer: at the prompt through the pager if it is longer than the screen."""
        if self.interactive:
            from nsh.voice.pager import page

            self.flush()
            if page(self._on_terminal(text, sys.stdout, tail)):
                return
        self.message(text, tail)

    def _on_terminal(self, text: Text, stream: TextIO, tail: str = "") -> str:
        """A text as it is written to a stream: at the prompt's terminal wrapped, with its looks."""
        if not (self.interactive and stream.isatty()):
            return plain(text)
        from nsh.voice.pager import is_dumb

        text = wrapped(text, os.get_terminal_size(stream.fileno()).columns, tail)
        if is_dumb(os.environ):
            return plain(text)
        return painted(text, colours=not os.environ.get("NO_COLOR"))

    def flush(self) -> None:
        """Hand over what was written, so that what a child writes comes after it."""
        if self.said:
            return
        try:
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            raise OutputFailed(error) from None
        except AttributeError:
            pass

    def error(self, *texts: Text, role: str = "error") -> None:
        """One or more lines on standard error, each after ``nsh: `` and, in a script, its place.

        ``role`` is how they look; a line to try, a hint, and what is not yet reached have their own.
        """
        self.flush()
        for text in texts:
            if isinstance(text, str):
                text = labelled(text, role, self.lexed)
            line = [(role, visible(piece)) for role, piece in text]
            line.insert(0, ("nsh", f"nsh: {visible(self.where)}"))
            if self.said:
                self.said(plain(line) + "\n")
                continue
            try:
                tail = " \\" if plain(text).startswith("try: ") else ""
                sys.stderr.write(self._on_terminal(line, sys.stderr, tail) + "\n")
                sys.stderr.flush()
            except (OSError, ValueError, AttributeError):
                pass  # there is no other place to say it
