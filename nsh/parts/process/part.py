"""The part of the process: its lines in `show`, and why the directory or the program was not there."""

from __future__ import annotations

from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.parts.process.commands import ProcessCommands
from nsh.state import State
from nsh.words import join


def lines(state: State) -> list[str]:
    """The commands that rebuild directory and environment."""
    found = [] if state.cwd is None else [join(["cd", state.cwd])]
    for name, value in [(change.name, change.value) for change in state.env]:
        found.append(join(["env", "-u", name] if value is None else ["env", f"{name}={value}"]))
    return found


def diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why the directory was not entered, or the command did not start."""
    if failed.call.name == "chdir":
        from nsh.parts.process.directory import chdir

        return chdir(failed)
    from nsh.parts.process.execve import execve

    return execve(failed)


PART = Part(
    name="process",
    commands=ProcessCommands,
    resets={"cd": ("cwd",), "env": ("env",)},
    lines=lines,
    diagnose=diagnose,
)
