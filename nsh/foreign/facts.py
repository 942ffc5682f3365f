"""What an answer looks at, and what it is made of."""

from __future__ import annotations

import os
import re

from nsh.host import Host
from nsh.linux.namespaces import find
from nsh.parts.join.own import in_another
from nsh.parts.mounts.queue import mount_command
from nsh.parts.process.calls import candidates, search_path
from nsh.state import State
from nsh.value import Value
from nsh.words import Operator, WordError, join, shorten, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_FOR_A_SHELL = frozenset("$`*?~[")
"""What a shell replaces, and `run` does not."""


class Typed(Value):
    """A line that is no command of nsh, with what it is typed into.

    line      the command as it was typed
    whole     the line that it stands on, "" if that is not known
    children  the names of the children that stay
    commands  the names of nsh's own commands
    """

    line: str
    state: State
    host: Host
    children: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    whole: str = ""

    @property
    def words(self) -> list[str]:
        """The words of the line; where it is one for a shell, cut at blanks."""
        try:
            return split(self.line)
        except WordError:
            return self.line.split()

    def again(self, words: Sequence[str]) -> Typed:
        """The same with other words."""
        return self.replace(line=join(list(words)))

    def is_program(self, name: str) -> bool:
        """Whether a program of that name can be run here."""
        places = candidates(name, search_path(self.state, self.host)) if name else []
        return any(os.path.isfile(place) and os.access(place, os.X_OK) for place in places)

    def inside(self, path: str) -> str:
        """A path as it is seen from the directory of the next run, absolute."""
        return os.path.normpath(os.path.join(self.state.cwd or self.host.cwd, path))

    def has(self, kind: str) -> bool:
        """Whether a run is in another namespace of that kind than the host."""
        return in_another(kind, self.state, self.host)

    def new(self, *kinds: str) -> list[str]:
        """The lines that ask for these new namespaces, as far as the state lacks them.

        Who has no rights outside gets them in a new user namespace.
        """
        lacks = [kind for kind in dict.fromkeys(kinds) if not self.has(kind)]
        alone = bool(lacks) and not self.host.is_privileged and not self.has("user")
        if alone and "user" not in lacks:
            lacks.insert(0, "user")
        lines = [join(["flags", *[f"+{kind}" for kind in lacks]])] if lacks else []
        if alone and not self.state.uidmap:
            lines.append("map root")
        return lines

    def queue(self, *lines: str) -> list[str]:
        """Those of some lines of mount that are not in the queue already."""
        queued = [mount_command(entry) for entry in self.state.mounts]
        return [line for line in lines if line not in queued]

    def run(self, words: Sequence[str]) -> str:
        """The line that runs these words."""
        return join(["run", *words]) if words else "run"

    def as_typed(self) -> str:
        """The line that runs the typed line as it stands: in a shell if it is for one."""
        try:
            words = split(self.line)
        except Operator:
            return f"sh {self.line}"
        bare = join(words) != " ".join(words) and "'" not in self.line and '"' not in self.line
        if bare and not _FOR_A_SHELL.isdisjoint(self.line) and "\\" not in self.line:
            return f"sh {self.line}"
        return f"run {self.line}"


class Answer(Value):
    """What is said of a line: why it is none of nsh, and the lines to type in its place, in order."""

    why: str
    fixes: tuple[str, ...] = ()


def answer(name: str, why: str, *fixes: str) -> Answer:
    """An answer that begins with the word that is no command; ``why`` may be empty."""
    says = f"there is no command {shorten(name)}"
    return Answer(f"{says}: {why}" if why else says, fixes)


def kinds_in(text: str) -> list[str]:
    """The namespaces whose CLONE_ constants stand in a text, in order.

    >>> kinds_in("CLONE_NEWNET | CLONE_NEWNS | SIGCHLD")
    ['net', 'mnt']
    """
    found = [find(word) for word in re.findall(r"\bCLONE_[A-Z]+\b", text)]
    return list(dict.fromkeys([kind.name for kind in found if kind]))
