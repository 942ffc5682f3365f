"""What is told when a map is typed that leaves out nsh's own id: the command is nobody then.

See user_namespaces(7), setresuid(2).
"""

from __future__ import annotations

from nsh.base import BaseShell
from nsh.linux.idmaps import Range
from nsh.parts.once import hint


def tell(shell: BaseShell, kind: str, ranges: tuple[Range, ...]) -> None:
    """Say once of a uid or gid map (``kind``) that the command will be none of its ids."""
    own = shell.host.uid if kind == "uid" else shell.host.gid
    state = shell.state
    mapped = any(each.has_outside(own) for each in ranges)
    if mapped or state.user is not None or state.joins or not ranges[0].count:
        return
    first = ranges[0].inside
    whose = "a user" if kind == "uid" else "a group"
    fix = f"user {first}"
    if kind == "gid":
        uids = state.uidmap
        uid = uids[0].inside if uids and not isinstance(uids, str) else 0
        fix = f"user {uid}:{first}"
    elif state.gidmap and not isinstance(state.gidmap, str):
        fix = f"user {first}:{state.gidmap[0].inside}"
    nobody = "nobody" if kind == "uid" else "nogroup"
    hint(
        shell,
        f"own {kind} unmapped",
        f"nsh's own {kind} {own} is not among the ids outside, so the command has no {kind} inside and"
        f" shows as {nobody}; it can become {whose} that has one",
        fix,
    )
