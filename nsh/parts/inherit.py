"""What a command inherits from the process that becomes it: umask(2) and the nice value.

See execve(2), sched(7).
"""

from __future__ import annotations

import errno
import os

from nsh.base import BaseShell
from nsh.call import Call
from nsh.errors import Usage
from nsh.linux.strace import Named, Octal
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.state import State
from nsh.words import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nsh.offers import Item


PRIO_PROCESS = Named(0, "PRIO_PROCESS")


class InheritCommands(BaseShell):
    """umask and nice."""

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

    def do_nice(self, line: str) -> None:
        """nice [N]

        The nice value of the command: from -20, much of the processors, to 19, little.
        Without N, show it. A value below nsh's own takes CAP_SYS_NICE, in the first
        user namespace; a user namespace of one's own does not give it.

            nice 10

        See setpriority(2), sched(7), nice(1).
        """
        match self.words(line, at_most=1):
            case []:
                own = os.getpriority(os.PRIO_PROCESS, 0)
                self.message(str(own if self.state.nice is None else self.state.nice))
            case [word]:
                value = number(word.removeprefix("-"), 20)
                if value is None or word == "20":
                    raise Usage(f"{word!r} is no nice value: from -20 to 19", "nice 10")
                self.change(nice=-value if word[0] == "-" else value)

    def complete_nice(self, before: list[str], word: str) -> Iterable[Item]:
        """Some values."""
        if not before:
            yield "10", "what nice(1) gives if nothing is said"
            yield "19", "only what nobody else wants"
            yield "0", "as every process starts"
            yield "-20", "before all others; needs CAP_SYS_NICE"


def _own_umask() -> int:
    """nsh's own mask, which can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def lines(state: State) -> list[str]:
    """The commands that rebuild it."""
    found = [] if state.umask is None else [f"umask {state.umask:03o}"]
    return found if state.nice is None else [*found, f"nice {state.nice}"]


def calls(state: State, actor: str) -> Iterator[Call]:
    """The calls that set it."""
    if state.umask is not None:
        why = "what new files are not to allow"
        yield Call(actor, "umask", (Octal(state.umask),), why, part="inherit")

    if state.nice is not None:
        args = (PRIO_PROCESS, 0, state.nice)
        yield Call(actor, "setpriority", args, "its share of the processors", part="inherit")


def diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why setpriority(2) failed; umask(2) never does."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    if failed.call.name != "setpriority" or failed.error not in (errno.EACCES, errno.EPERM):
        return None
    from nsh.parts.join.own import in_another

    another = in_another("user", failed.state, failed.host)
    inside = " In a user namespace of one's own nobody has it." * another
    return Diagnosis(
        f"nsh has the nice value {own}, and a lower one takes CAP_SYS_NICE in the first user"
        f" namespace, or a large RLIMIT_NICE.{inside}".rstrip("."),
        f"nice {own}",
    )


PART = Part(
    name="inherit",
    commands=InheritCommands,
    resets={"umask": ("umask",), "nice": ("nice",)},
    lines=lines,
    diagnose=diagnose,
    examples=("umask 027", "nice 10"),
)
