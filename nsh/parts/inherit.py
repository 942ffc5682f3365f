"""What a command inherits from the process that becomes it: umask(2). See execve(2)."""

from __future__ import annotations

import os

from nsh.base import BaseShell
from nsh.call import Call
from nsh.errors import Usage
from nsh.linux.strace import Octal
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nsh.offers import Item


class InheritCommands(BaseShell):
    """umask."""

    group = "State"

    def do_umask(self, line: str) -> None:
        """umask [MASK]

        The permissions that files which the command makes do not get, in octal. Without
        MASK, show it.

            umask 077

        See umask(2).
        """
        match self.words(line, at_most=1):
            case []:
                mask = _own_umask() if self.state.umask is None else self.state.umask
                self.message(f"{mask:04o}")
            case [word] if len(word) <= 4 and word and not set(word) - set("01234567"):
                mask = int(word, 8)
                if mask > 0o777:
                    raise Usage(f"{word!r} has bits beyond 0777, which a umask cannot hold")
                self.change(umask=mask)
            case [word]:
                raise Usage(f"{word!r} is no octal number such as 022", "umask 022")

    def complete_umask(self, before: list[str], word: str) -> Iterable[Item]:
        """The usual masks."""
        if not before:
            yield "022", "only the owner may write: files 644, directories 755"
            yield "027", "and others may not even read: files 640, directories 750"
            yield "077", "for the owner alone: files 600, directories 700"


def _own_umask() -> int:
    """nsh's own mask, which can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def lines(state: State) -> list[str]:
    """The commands that rebuild it."""
    return [] if state.umask is None else [f"umask {state.umask:03o}"]


def calls(state: State, actor: str) -> Iterator[Call]:
    """The calls that set it."""
    if state.umask is not None:
        why = "what new files are not to allow"
        yield Call(actor, "umask", (Octal(state.umask),), why, part="inherit")


def diagnose(failed: FailedCall) -> Diagnosis | None:
    """umask(2) always succeeds."""
    return None


PART = Part(
    name="inherit",
    commands=InheritCommands,
    resets={"umask": ("umask",)},
    lines=lines,
    diagnose=diagnose,
    examples=("umask 027",),
)
