"""The part of the mounts: its lines in `show`, and which room explains which call."""

from __future__ import annotations

from nsh.parts.mounts.commands import MountCommands
from nsh.parts.mounts.guard import guard
from nsh.parts.mounts.queue import mount_command
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.state import START, State


def lines(state: State) -> list[str]:
    """The commands that rebuild propagation and mounts."""
    found = [mount_command(entry) for entry in state.mounts]
    if state.propagation != START.propagation:
        found.insert(0, f"propagation {state.propagation}")
    return found


def diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why a mount was not made, or not taken away."""
    if failed.call.name == "umount2":
        from nsh.parts.mounts.umount import umount

        return umount(failed)
    from nsh.parts.mounts.diagnose import mount

    return mount(failed)


PART = Part(
    name="mounts",
    commands=MountCommands,
    resets={
        "mount": ("mounts",),
        "mounts": ("mounts",),
        "propagation": ("propagation",),
    },
    lines=lines,
    diagnose=diagnose,
    guard=guard,
)
