"""The mounts of a new mnt namespace, and how they propagate. See mount(2), mount_namespaces(7).

Each side of it has a room: commands, queue (the commands that fill it), calls, guard, places (where
a path leads), and the diagnoses: diagnose, refused, overlay, umount.
"""

from __future__ import annotations

from nsh.host import Host
from nsh.parts.mounts.commands import MountCommands
from nsh.parts.mounts.queue import mount_command
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.state import START, State


def lines(state: State) -> list[str]:
    """The commands that rebuild propagation and mounts."""
    found = [mount_command(entry) for entry in state.mounts]
    if state.propagation != START.propagation:
        found.insert(0, f"propagation {state.propagation}")
    return found


def _guard(state: State, host: Host) -> None:
    if state.mounts or state.propagation != START.propagation:
        from nsh.parts.mounts.guard import check

        check(state, host)


def _diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why a mount was not made, or not taken away."""
    if failed.call.name == "umount2":
        from nsh.parts.mounts.umount import not_unmounted

        return not_unmounted(failed)
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
    diagnose=_diagnose,
    examples=(
        "mount tmpfs /mnt",
        "mount bind /etc /mnt -o ro",
        "propagation rslave /mnt",
        "umount /mnt",
        "propagation slave",
    ),
    guard=_guard,
)
