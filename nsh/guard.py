"""Guard: what a run may not do because it would reach the host. Asked before any fork.

Pure functions on the state and on facts about the host.
"""

from __future__ import annotations

from nsh.mounts import MS_BIND, MS_REMOUNT, parse_options
from nsh.state import State, Umount
from nsh.words import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.host import Host

OWN_EACH_TIME = frozenset(("tmpfs", "ramfs", "overlay", "proc", "devpts"))
"""The file systems of which every mount is a new one, with nothing of the host's to change."""

ONE_FOR_ALL = frozenset(("cgroup2", "debugfs", "devtmpfs", "pstore", "tracefs"))
"""The file systems that exist once; the options of a later mount change them for all mounts."""


class Refusal(Exception):
    """A plan that is not made: because it would reach the host, or because something it needs is not there.

    why    one sentence
    mends  lines to type
    """

    def __init__(self, why: str, *mends: str) -> None:
        super().__init__(why)
        self.why = why
        self.mends = mends


def guard(state: State, host: Host) -> None:
    """Raise Refusal if a run of this state would change the host."""
    if (state.hostname is not None or state.domainname is not None) and not state.has("uts"):
        what = "hostname" if state.hostname is not None else "domainname"
        raise Refusal(f"without a new uts namespace, set{what} would rename the host", "flags +uts")
    if state.mounts and not state.has("mnt"):
        raise Refusal(
            "without a new mnt namespace, the mounts would be made on the host", "flags +mnt"
        )
    if state.propagation != "private" and not state.has("mnt"):
        raise Refusal(
            "without a new mnt namespace, the propagation of the host's mounts would change",
            "flags +mnt",
        )
    if (state.uidmap or state.gidmap or state.setgroups) and not state.has("user"):
        raise Refusal(
            "ids are mapped in a new user namespace only, and none is asked for", "flags +user"
        )
    if not state.has("user"):
        _guard_file_systems(state, host)
    if state.propagation in ("shared", "unchanged") and not state.has("user"):
        shared = host.shared_mounts()
        if shared:
            raise Refusal(
                f"{shared[0]} is a shared mount here: with propagation {state.propagation},"
                " a mount made inside would appear on the host",
                "propagation slave",
                "propagation private",
            )


def _guard_file_systems(state: State, host: Host) -> None:
    """Refuse what changes not a mount but the file system behind it, which the host uses too.

    In a new user namespace the kernel refuses these itself.
    """
    own: set[str] = set()
    for entry in state.mounts:
        if isinstance(entry, Umount):
            if not entry.lazy and host.real_path(entry.target) == "/":
                raise Refusal(
                    "umount2 does not take / away but makes its file system read-only,"
                    " for the host too",
                    "reset mounts",
                )
            own = _not_below(own, host.real_path(entry.target))
            continue
        flags, data = parse_options(entry.options)
        place = host.real_path(entry.target)
        if entry.fstype in ONE_FOR_ALL and data:
            raise Refusal(
                f"there is one {entry.fstype} for all, so {data} would change for the host too",
                "reset mounts",
                f"mount {entry.fstype} {quote(entry.target)}",
            )
        binds = entry.fstype in ("bind", "rbind") or flags & MS_BIND
        if not flags & MS_REMOUNT:
            own = _not_below(own, place)
            if entry.fstype in OWN_EACH_TIME and not binds:
                own.add(place)
        elif not binds and place not in own:
            target = quote(entry.target)
            raise Refusal(
                f"a remount without bind changes the file system on {entry.target} for the host too;"
                " with bind it changes the one mount inside",
                "reset mounts",
                f"mount bind {target} {target} -o {quote(entry.options)}",
            )


def _not_below(paths: set[str], path: str) -> set[str]:
    """Those that a mount made or taken away on that path leaves where they are."""
    below = path.rstrip("/") + "/"
    return {each for each in paths if not (each + "/").startswith(below)}
