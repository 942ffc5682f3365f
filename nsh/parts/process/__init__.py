"""The process itself: its directory, its environment, and the program that it becomes.

Here are its lines in `show`; the rooms are commands, calls, directory (why it was not entered) and
execve (why the program did not start).
"""

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


def _diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why the directory was not entered, or the command did not start."""
    if failed.call.name == "chdir":
        from nsh.parts.process.directory import chdir

        return chdir(failed)
    from nsh.parts.process.execve import not_started

    return not_started(failed)


PART = Part(
    name="process",
    commands=ProcessCommands,
    resets={"cd": ("cwd",), "env": ("env",)},
    lines=lines,
    diagnose=_diagnose,
    examples=("cd /tmp", "env A=1 -u B"),
)
