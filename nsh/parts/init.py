"""Init: PID 1 of a new pid namespace is nsh's own init. See pid_namespaces(7), docker-run(1) --init."""

from __future__ import annotations

from nsh.base import BaseShell
from nsh.call import COMMAND, FORK, PID_1, Call, SignalInfo
from nsh.errors import Refusal, Usage
from nsh.linux.constants import (
    PR_SET_NAME,
    SIGALRM,
    SIGCHLD,
    SIGCONT,
    SIGHUP,
    SIGINT,
    SIGQUIT,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
    SIGWINCH,
)
from nsh.linux.strace import SignalNames
from nsh.parts.part import Diagnosis, FailedCall, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import ClassVar

    from nsh.host import Host
    from nsh.offers import Item
    from nsh.state import State

PAUSES = SignalNames((SIGCHLD, SIGTERM, SIGINT, SIGHUP))
"""What a pause waits for: SIGCHLD to reap what has ended, the others to end."""

_NAMED = "what ps calls it"

FORWARDS = SignalNames(
    (
        SIGCHLD,
        SIGTERM,
        SIGINT,
        SIGHUP,
        SIGQUIT,
        SIGUSR1,
        SIGUSR2,
        SIGALRM,
        SIGWINCH,
        SIGCONT,
    )
)
"""What an init waits for: SIGCHLD, and what it hands on to the command."""


class InitCommands(BaseShell):
    """init."""

    group = "State"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"init": ("on", "off")}

    def do_init(self, line: str) -> None:
        """init [on|off]

        Whether PID 1 of the next run's pid namespace is nsh's own init. On, it starts
        the command as its child, reaps what is orphaned, hands signals on, and ends as
        the command does. Off, the command itself is PID 1. Without an argument, show
        whether it is on.

        Needs `flags +pid`. It is what `docker run --init` does.

            flags +pid +mnt
            mount proc /proc
            init on
            run ps -ef

        See `explain PID 1`, `explain zombie`; pid_namespaces(7).
        """
        match self.words(line, at_most=1):
            case []:
                self.message("on" if self.state.init else "off")
            case ["on" | "off" as word]:
                self.change(init=word == "on")
            case _:
                raise Usage

    def complete_init(self, before: list[str], word: str) -> Iterable[Item]:
        """on and off."""
        if not before:
            yield "on", "PID 1 is nsh's own init, which starts the command"
            yield "off", "PID 1 is the command itself"


def lines(state: State) -> list[str]:
    """The command that asks for an init."""
    return ["init on"] if state.init else []


def guard(state: State, host: Host) -> None:
    """Raise Refusal if there would be no PID 1 to be an init."""
    if state.init and not state.has("pid"):
        from nsh.parts.join.own import joined

        why = "and none is asked for"
        if "pid" in joined(state, host):
            why = "and the one that is joined has its PID 1 already"
        raise Refusal(
            f"an init is PID 1 of a new pid namespace, {why}",
            "flags +pid",
            "init off",
        )


def pause(actor: str) -> Iterator[Call]:
    """What a child that stays without a command does."""
    yield Call(actor, "prctl", (PR_SET_NAME, "nsh-pause"), _NAMED, part="init")
    why = "nsh's own pause: it reaps what has ended, and ends at a SIGTERM"
    yield Call(actor, "rt_sigtimedwait", (PAUSES, SignalInfo(), None, 8), why, part="init")


def forks() -> Iterator[Call]:
    """PID 1 starts the command."""
    why = "fork: the command is a child of the init"
    yield Call(PID_1, "clone", (FORK,), why, fills=(COMMAND,), part="namespaces")


def waits() -> Iterator[Call]:
    """What PID 1 does while the command runs."""
    yield Call(PID_1, "prctl", (PR_SET_NAME, "nsh-init"), _NAMED, part="init")
    why = "nsh's own init: it hands signals on, reaps what is orphaned, ends as the command does"
    yield Call(PID_1, "rt_sigtimedwait", (FORWARDS, SignalInfo(), None, 8), why, part="init")


def _diagnose(failed: FailedCall) -> Diagnosis | None:
    """Its calls do not fail for reasons of their own."""
    return None


PART = Part(
    name="init",
    commands=InitCommands,
    resets={"init": ("init",)},
    lines=lines,
    diagnose=_diagnose,
    examples=("init on",),
    guard=guard,
)
