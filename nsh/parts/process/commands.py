"""The commands cd and env: where the command starts, and what its environment is."""

from __future__ import annotations

import os

from nsh.base import BaseShell
from nsh.errors import Usage
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.offers import Item


class ProcessCommands(BaseShell):
    """cd and env."""

    group = "State"

    def do_cd(self, line: str) -> None:
        """cd [DIR]

        The directory in which the next run starts. Without DIR, show it. It is entered
        after the mounts, so it may be a directory that is there only inside. The host's
        shell stays.

        See chdir(2).
        """
        match self.words(line, at_most=1):
            case []:
                self.message(self.directory())
            case [""]:
                raise Usage("the name of the directory is empty")
            case ["-"]:
                raise Usage(
                    "there is no way back by -, but undo takes the last change back", "undo"
                )
            case [directory] if directory.startswith("-"):
                raise Usage(f"there is no option {directory}", join(["cd", f"./{directory}"]))
            case [directory] if directory.partition("/")[0] == "~":
                home = os.path.expanduser(directory)
                raise Usage("~ is not expanded here", join(["cd", home]))
            case [directory]:
                self.change(cwd=self.inside(directory))

    def complete_cd(self, before: list[str], word: str) -> Iterable[Item]:
        """Directories."""
        from nsh.offers import paths

        here = self.directory()
        return () if before else paths(here, word, only_directories=True)

    def do_env(self, line: str) -> None:
        """env [NAME=VALUE]... [-u NAME]...

        Set variables of the environment inside, or take them out with -u. Without
        arguments, show the whole environment that a run gets.

            env PS1='inside# ' -u HISTFILE

        See environ(7), execve(2).
        """
        found = self.words(line)
        if not found:
            pairs = self.host.environment(self.state.env)
            if pairs:
                self.page("\n".join(pairs))
            return
        state = self.state
        at = 0
        while at < len(found):
            name, equals, value = found[at].partition("=")
            if equals and name:
                state = state.with_env(name, value)
            elif found[at] == "-u" and at + 1 < len(found) and "=" not in found[at + 1]:
                at += 1
                if not found[at]:
                    raise Usage("the name of a variable is empty")
                state = state.with_env(found[at], None)
            else:
                why = f"{found[at]!r} is not NAME=VALUE and not -u NAME"
                raise Usage(why, *_meant(found, at))
            at += 1
        self.become(state)

    def complete_env(self, before: list[str], word: str) -> Iterable[Item]:
        """Names of variables with the values that they have, and -u."""
        unset = before[-1:] == ["-u"]
        if not unset:
            yield "-u", "take a variable out"
        for pair in self.host.environment(self.state.env):
            name, _, value = pair.partition("=")
            yield name if unset else f"{name}=", f"now {value[:60]}"


def _meant(found: list[str], at: int) -> list[str]:
    """The lines for `env A b`, `env A = b`, and for env(1) with a command after the variables."""
    match found[at:]:
        case [name, "=", value] | [name, value] if at == 0 and name.isidentifier():
            return [join(["env", f"{name}={value}"])]
        case [name, *_] if at and not name.startswith("-"):
            return [join(["env", *found[:at]]), join(["run", *found[at:]])]
        case ["-i" | "-" | "--ignore-environment", *_]:
            return ["help env"]
    return []
