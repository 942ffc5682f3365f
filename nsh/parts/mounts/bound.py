"""What is told when a bind mount is queued: that its files are the host's, or that it hides nothing.

See mount(2), path_resolution(7), pivot_root(2).
"""

from __future__ import annotations

import posixpath

from nsh.base import BaseShell
from nsh.linux.mountflags import MS_RDONLY, parse_options
from nsh.parts.mounts.places import places_of
from nsh.parts.mounts.queue import mount_command
from nsh.parts.once import hint
from nsh.state import Mount


def tell(shell: BaseShell, mount: Mount) -> None:
    """Say what surprises about a bind mount that was queued just now, each surprise once."""
    if posixpath.normpath(mount.target) == "/":
        hint(
            shell,
            "bound on /",
            "a mount on / is not seen: a process keeps the root that it has, which lies below;"
            " only chroot(2) or pivot_root(2) leads onto it",
            f"run chroot {mount.source}",
        )
        return
    if parse_options(mount.options)[0] & MS_RDONLY:
        return
    before = places_of(shell.state, shell.host, shell.state.mounts[:-1])
    if before.of(mount.source).host is None:
        return
    options = f"{mount.options},ro" if mount.options else "ro"
    hint(
        shell,
        "bind writes",
        f"what is written below {mount.target} is written to {mount.source} on the host; read-only it"
        " is not",
        f"undo; {mount_command(mount.replace(options=options))}",
    )
