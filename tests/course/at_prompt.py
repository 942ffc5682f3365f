"""A learner at the prompt in the tests of lessons."""

from __future__ import annotations

import os
from pathlib import Path

from nsh.shell import Shell

REACH = ("env WORD=hello", "run true")
"""What reaches the first goal."""


class AtPrompt:
    """A shell at its prompt, on a terminal of 80x24, with a progress file of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.progress = place / "state/nsh/progress"
        self.size = os.terminal_size((80, 24))
        self.shells: list[Shell] = []
        self.start()

    def start(self) -> Shell:
        """A new session."""
        self.shell = Shell(interactive=True)
        self.shells.append(self.shell)
        self.shell.own_environ = {"XDG_STATE_HOME": str(self.place / "state")}
        self.said: list[str] = []
        self.shell.said = self.said.append
        return self.shell

    def __call__(self, *lines: str) -> str:
        """Type lines: what is said then."""
        self.said.clear()
        for line in lines:
            self.shell.run_line(line)
        return "".join(self.said)

    def end(self) -> None:
        """End all that the sessions have started."""
        for shell in self.shells:
            shell.interactive = False
            shell.end_all()
