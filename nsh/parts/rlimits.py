"""Limits on resources that the command has: prlimit(2)."""

from __future__ import annotations

import errno

from nsh.base import BaseShell
from nsh.call import Call
from nsh.errors import Usage, closest
from nsh.linux.procfs import read_text
from nsh.linux.strace import Named, Rlimit
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.state import Limit, State
from nsh.words import join, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nsh.offers import Item

RESOURCES = {
    "as": "bytes of address space",
    "core": "bytes of a core dump",
    "cpu": "seconds on the processors",
    "data": "bytes of data: heap and more",
    "fsize": "bytes of a file that is written",
    "memlock": "bytes of memory that is locked",
    "msgqueue": "bytes in POSIX message queues of the user",
    "nice": "20 minus the lowest nice value",
    "nofile": "one more than the largest descriptor",
    "nproc": "processes and threads of the user",
    "rss": "bytes in memory; without effect today",
    "rtprio": "the highest real-time priority",
    "rttime": "microseconds of real time without a blocking call",
    "sigpending": "signals of the user that wait",
    "stack": "bytes of the stack",
}
"""What each limit counts. See getrlimit(2)."""

UNLIMITED = "unlimited"
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_MOST = 2**64 - 2


class RlimitCommands(BaseShell):
    """rlimit."""

    group = "State"

    def do_rlimit(self, line: str) -> None:
        """rlimit [NAME [SOFT[:HARD]]]

        Limit what the command may use: NAME is nofile, nproc, as, cpu, fsize, core and
        so on, as in RLIMIT_NOFILE. SOFT is a number, with K, M or G for bytes, or
        unlimited; HARD is the same if it is not given. Without SOFT, show the limit;
        alone, show all limits.

        The soft limit counts, and the command may raise it up to the hard one. To raise
        a hard limit takes CAP_SYS_RESOURCE in the first user namespace.

            rlimit nofile 64
            rlimit fsize 1M:unlimited

        See prlimit(2), getrlimit(2), ulimit of sh(1).
        """
        match self.words(line, at_most=2):
            case []:
                for name in RESOURCES:
                    self.message(_typed(self._limit(name)))
            case [word]:
                self.message(_typed(self._limit(_resource(word))))
            case [word, limits]:
                name = _resource(word, limits)
                soft, colon, hard = limits.partition(":")
                limit = Limit(name, _amount(name, soft), _amount(name, hard if colon else soft))
                if _above(limit.soft, limit.hard):
                    raise Usage(
                        f"the soft limit {soft} is above the hard limit {hard}",
                        f"rlimit {name} {hard}:{soft}",
                    )
                others = [each for each in self.state.rlimits if each.name != name]
                self.change(rlimits=(*others, limit))

    def complete_rlimit(self, before: list[str], word: str) -> Iterable[Item]:
        """The resources, then what the limit is now."""
        if not before:
            yield from RESOURCES.items()
        elif len(before) == 1 and before[0] in RESOURCES:
            yield _typed(self._limit(before[0])).split()[-1], "as it is now"
            yield UNLIMITED, "no limit"

    def _limit(self, name: str) -> Limit:
        """The limit that the next run gets: the one asked for, or nsh's own."""
        asked = [limit for limit in self.state.rlimits if limit.name == name]
        return asked[0] if asked else own_limit(name)


def own_limit(name: str) -> Limit:
    """The limit that nsh itself has. See getrlimit(2)."""
    import resource

    both = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    return Limit(name, *[None if each == resource.RLIM_INFINITY else each for each in both])


def _resource(word: str, limits: str = "") -> str:
    """The resource that a word names: nofile, RLIMIT_NOFILE, in any case. Raises Usage."""
    name = word.lower().removeprefix("rlimit_")
    if name not in RESOURCES:
        close = closest(name, RESOURCES, 0.5)
        fix = [join(["rlimit", close, *([limits] if limits else [])])] if close else []
        raise Usage(f"{word!r} is none of {', '.join(RESOURCES)}", *fix)
    return name


def _amount(name: str, word: str) -> int | None:
    """A limit as it is typed: a number with a unit, or unlimited, which is None. Raises Usage.

    >>> _amount("nofile", "64"), _amount("as", "1M"), _amount("as", "unlimited")
    (64, 1048576, None)
    """
    if word in (UNLIMITED, "infinity", "-1"):
        return None
    digits = word[:-1] if word[-1:].lower() in _UNITS else word
    count = number(digits, 10 * _MOST)
    if count is None:
        raise Usage(f"{word!r} is no limit: a number such as 64 or 10M, or {UNLIMITED}")
    amount = count * _UNITS.get(word[-1:].lower(), 1)
    if amount > _MOST:
        raise Usage(f"{word!r} is more than a limit can be", f"rlimit {name} {UNLIMITED}")
    return amount


def _above(one: int | None, other: int | None) -> bool:
    return other is not None and (one is None or one > other)


def _typed(limit: Limit) -> str:
    """A limit as the command that sets it."""
    soft, hard = [UNLIMITED if each is None else str(each) for each in (limit.soft, limit.hard)]
    return f"rlimit {limit.name} {soft}" + (f":{hard}" if hard != soft else "")


def lines(state: State) -> list[str]:
    """The commands that rebuild the limits."""
    return [_typed(limit) for limit in state.rlimits]


def calls(state: State, actor: str) -> Iterator[Call]:
    """One prlimit64 for each limit."""
    if not state.rlimits:
        return
    import resource

    for index, limit in enumerate(state.rlimits):
        name = f"RLIMIT_{limit.name.upper()}"
        which = Named(getattr(resource, name), name)
        args = (0, which, Rlimit(limit.soft, limit.hard), None)
        why = f"a limit on {RESOURCES[limit.name]}"
        yield Call(actor, "prlimit64", args, why, part="rlimits", entry=index)


def diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why a limit was not set."""
    if failed.error != errno.EPERM:
        return None
    limit = failed.state.rlimits[failed.call.entry]
    own = own_limit(limit.name)
    if not _above(limit.hard, own.hard):
        return None
    allowed = (read_text("/proc/sys/fs/nr_open") or "").strip()
    if limit.name == "nofile" and allowed.isdigit() and _above(limit.hard, int(allowed)):
        most = int(allowed)
        soft = most if _above(limit.soft, most) else limit.soft
        return Diagnosis(
            f"nobody may have more descriptors than fs.nr_open, which is {allowed}",
            _typed(Limit(limit.name, soft, most)),
        )
    soft = own.hard if _above(limit.soft, own.hard) else limit.soft
    return Diagnosis(
        f"nsh's own hard limit is {UNLIMITED if own.hard is None else own.hard}, and to raise a hard"
        " limit takes CAP_SYS_RESOURCE in the first user namespace",
        _typed(Limit(limit.name, soft, own.hard)),
    )


PART = Part(
    name="rlimits",
    commands=RlimitCommands,
    resets={"rlimit": ("rlimits",)},
    lines=lines,
    diagnose=diagnose,
    examples=("rlimit nofile 1000:2048", "rlimit core 0"),
)
