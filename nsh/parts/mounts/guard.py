"""What a mount may not do because it would reach the host. Asked before any fork.

Pure functions on the state and on facts about the host.
"""

from __future__ import annotations

from nsh.errors import Refusal
from nsh.host import Host
from nsh.linux.mountflags import MS_MOVE, MS_REMOUNT, parse_options
from nsh.linux.mountinfo import mount_points
from nsh.parts.join.own import in_another, joined, may_change, one_inside
from nsh.parts.mounts.places import Places, binds, places_of
from nsh.parts.mounts.queue import requeue
from nsh.state import Mount, Propagation, State, Umount
from nsh.words import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.parts.join.targets import Target

OWN_EACH_TIME = frozenset(("tmpfs", "ramfs", "overlay", "proc", "devpts"))
"""The file systems of which every mount is a new one, with nothing of the host's to change."""

ONE_FOR_ALL = frozenset(("cgroup2", "debugfs", "devtmpfs", "pstore", "tracefs"))
"""The file systems that exist once; the options of a later mount change them for all mounts."""


def check(state: State, host: Host) -> None:
    """Raise Refusal if a mount of this state would change the host."""
    target = None
    if state.mounts and not state.has("mnt"):
        target = may_change(state, host, "mnt", "the mounts would be made on the host")
    if state.propagation != "private" and not state.has("mnt"):
        if "mnt" in joined(state, host):
            raise Refusal(
                "the propagation of / is set in a new mnt namespace only: the one that is joined"
                " keeps its own; a mount can take another with -o",
                "flags +mnt",
                "reset propagation",
            )
        raise Refusal(
            "without a new mnt namespace, the propagation of the host's mounts would change",
            "flags +mnt",
        )
    if target is not None:
        _guard_peers(target, host)
    if not in_another("user", state, host):
        _guard_file_systems(state, host)
        if state.propagation in ("shared", "unchanged"):
            _guard_propagation(state, host)


def _guard_peers(target: Target, host: Host) -> None:
    """Refuse mounts in a joined namespace that would propagate to that of nsh."""
    inside = one_inside(target, "mnt", host)
    theirs = mount_points(inside) if inside else []
    if not theirs:
        raise Refusal(
            f"no process that may be looked at is in the mnt namespace of {target.name}, so it is not"
            " to be seen whether a mount made there would appear on the host",
            "flags +mnt",
        )
    ours = {mount.group for pid in ("self", 1) for mount in mount_points(pid)} - {""}
    for mount in theirs:
        if mount.group in ours:
            raise Refusal(
                f"{mount.point} in the mnt namespace of {target.name} is the peer of a shared mount"
                " here: what is mounted there would appear on the host",
                "flags +mnt",
            )


def _guard_propagation(state: State, host: Host) -> None:
    shared = host.shared_mounts()
    target = joined(state, host).get("mnt")
    if target is not None:  # the new namespace is a copy of the joined one
        inside = one_inside(target, "mnt", host)
        theirs = mount_points(inside) if inside else []
        shared = [mount.point for mount in theirs if mount.is_shared] if theirs else None
    if shared is None:
        raise Refusal(
            "without /proc it is not to be seen whether the mounts here are shared: with propagation"
            f" {state.propagation}, a mount made inside may appear on the host",
            "propagation private",
            "!mkdir -p /proc && mount -t proc proc /proc",
        )
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
    own: set[str] = set()  # where mounts are that are new, and are certainly found there
    remounts = any("remount" in entry.options for entry in state.mounts if isinstance(entry, Mount))
    places: Places | None = None
    mounted: list[Mount] = []  # those that places has not been told of
    tops: set[str] = set()
    real_path = places_of(state, host, ()).real_path if state.joins else host.real_path
    for index, entry in enumerate(state.mounts):
        if isinstance(entry, Propagation):
            continue  # it belongs to the one mount inside
        place = real_path(entry.target)
        known = tops.isdisjoint(_parents(place))
        if not known:
            places = places or places_of(state, host, ())
            for earlier in mounted:
                places.add(earlier)
            mounted.clear()
            known = places.is_certain(entry.target)
        if isinstance(entry, Umount):
            if not entry.lazy and (place == "/" or not known):
                _refuse_umount(state, index, known)
            own = _not_below(own, place)
            continue
        flags, data = parse_options(entry.options)
        if not binds(entry):
            _guard_one_for_all(state, index, data, host)
        if not flags & MS_REMOUNT:
            own = _not_below(own, place) if known else set()
            if flags & MS_MOVE:
                own = _not_below(own, real_path(entry.source))
            elif place == "/":
                continue  # a mount on / is not entered: paths still begin below it
            elif remounts and known and entry.fstype in OWN_EACH_TIME and not binds(entry):
                own.add(place)
            tops.add(place)
            mounted.append(entry)
        elif not binds(entry) and place not in own and not _is_childs(state, index, place, host):
            target = quote(entry.target)
            bind = f"mount bind {target} {target} -o {quote(entry.options)}"
            raise Refusal(
                f"a remount without bind changes the file system on {entry.target} for the host too;"
                " with bind it changes the one mount inside",
                # Data is for a file system.
                *requeue(state.mounts, index, *([] if data else [bind])),
            )


def _is_childs(state: State, index: int, place: str, host: Host) -> bool:
    """Whether the file system on a place of a joined mnt namespace is mounted nowhere here.

    Only as long as what is mounted there is what the namespace had at the beginning.
    """
    target = None if state.has("mnt") else joined(state, host).get("mnt")
    if target is None or index != 0:
        return False
    on = [each for each in mount_points(one_inside(target, "mnt", host)) if each.point == place]
    ours = {mount.device for pid in ("self", 1) for mount in mount_points(pid)}
    return bool(on) and on[-1].device not in ours


def _guard_one_for_all(state: State, index: int, data: str, host: Host) -> None:
    """Refuse options that change a file system which exists once, and a cgroup hierarchy that is new."""
    entry = state.mounts[index]
    assert isinstance(entry, Mount)
    if entry.fstype in ONE_FOR_ALL and data:
        raise Refusal(
            f"there is one {entry.fstype} for all, so {data} would change for the host too",
            *requeue(state.mounts, index, f"mount {entry.fstype} {quote(entry.target)}"),
        )
    if entry.fstype == "cgroup":
        wanted = set(data.split(",")) - {"none", "xattr", "noprefix", "clone_children"}
        if wanted not in host.hierarchies():
            raise Refusal(
                f"there is no cgroup hierarchy with the options {data or 'of all controllers'}, and"
                " one that is mounted first is made for all processes, the host's too",
                *requeue(state.mounts, index, f"mount cgroup2 {quote(entry.target)}"),
            )


def _refuse_umount(state: State, index: int, known: bool) -> None:
    if known:
        raise Refusal(
            "umount2 does not take / away but makes its file system read-only, for the host too",
            *requeue(state.mounts, index),
        )
    target = state.mounts[index].target
    raise Refusal(
        f"{target} lies below a mount of yours, and a link there may lead to /, which umount2 makes"
        " read-only for the host too; lazily it only takes a mount away",
        *requeue(state.mounts, index, f"umount {quote(target)} -l"),
    )


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(2, len(parts))]


def _not_below(paths: set[str], path: str) -> set[str]:
    """Those that a mount made or taken away on that path leaves where they are."""
    below = path.rstrip("/") + "/"
    return {each for each in paths if not (each + "/").startswith(below)}
