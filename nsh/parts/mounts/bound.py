"""What is told when a bind mount is queued: that its files are the host's, or that it hides nothing.

See mount(2), path_resolution(7), pivot_root(2).
"""

from __future__ import annotations

import os
import posixpath

from nsh.base import BaseShell
from nsh.linux.mountflags import MS_RDONLY, parse_options
from nsh.parts.mounts.places import places_of
from nsh.parts.mounts.queue import mount_command
from nsh.parts.once import hint
from nsh.state import Mount
from nsh.words import join

_KERNELS = ("/proc", "/sys", "/dev")
"""Where nobody keeps files."""


def tell(shell: BaseShell, mount: Mount) -> None:
    """Say what surprises about a bind mount that was queued just now, each surprise once."""
    if posixpath.normpath(mount.target) == "/":
        has_shell = os.path.exists(f"{mount.source}/bin/sh")
        hint(
            shell,
            "bound on /",
            "a mount on / is not seen: a process keeps the root that it has, which lies below;"
            " only chroot(2) or pivot_root(2) leads onto it",
            join(["run", "chroot", mount.source]) if has_shell else "undo",
        )
        return
    if parse_options(mount.options)[0] & MS_RDONLY:
        return
    before = places_of(shell.state, shell.host, shell.state.mounts[:-1])
    place = before.of(mount.source).host
    if place is None or not os.path.isdir(place) or place.startswith(_KERNELS):
        return
    options = f"{mount.options},ro" if mount.options else "ro"
    hint(
        shell,
        "bind writes",
        f"what is written below {mount.target} is written to {mount.source} on the host; -o ro"
        " prevents it",
        f"undo; {mount_command(mount.replace(options=options))}",
    )
