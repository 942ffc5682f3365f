"""Words that are none of nsh's: of other programs, of C, of shells. Each is answered with what does
the same here, as lines to type.

``ForeignCommands`` asks ``answers``, which asks the others: ``c``, ``options`` and what is built on it
(``util_linux``, ``containers``), ``shells``, and ``reaching``, which knows what must not be proposed.
"""

from __future__ import annotations

from nsh.base import BaseShell
from nsh.errors import Failure


class ForeignCommands(BaseShell):
    """No command of its own: the answer to a word that is none."""

    def topic_of(self, word: str) -> str:
        """The name of the topic that ``explain`` has for a word, "" if it has none."""
        return ""

    def default(self, line: str) -> None:
        """cmd.Cmd's hook for a command that there is not: what does the same here."""
        from nsh.foreign.answers import answer_to
        from nsh.foreign.facts import Typed

        children = tuple(getattr(self, "started", ()))
        names = tuple(self.command_names())
        whole = self.lines[-1] if self.lines and not self.sourcing else ""
        whole = whole.strip() if line in whole else ""
        typed = Typed(line, self.state, self.host, children, names, whole)
        found = answer_to(typed, self.topic_of)
        raise Failure(found.why, *found.fixes, status=2)
