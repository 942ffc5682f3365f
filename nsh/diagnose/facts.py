"""Facts: what a diagnosis looks at on the live machine, and what it says in the end.

Read from /proc (see proc(5)), from files, and by trying a namespace in a forked child.
"""

from __future__ import annotations

import os
import shutil

from nsh import plan as plans
from nsh import render
from nsh.call import Call, Plan
from nsh.host import CAP_SYS_ADMIN, Host, read_text, real_path, status_field
from nsh.state import Mount, State, Umount
from nsh.words import quote

ALL_IDS = 4294967295


class Diagnosis:
    """The cause in a sentence or two, and the lines to type, in order, that mend it."""

    __slots__ = ("cause", "mends")

    def __init__(self, cause: str, *mends: str) -> None:
        self.cause = cause
        self.mends = mends


# The process.


def own_status(field: str) -> str:
    """A field of /proc/self/status, "" without /proc."""
    return status_field(read_text("/proc/self/status") or "", field)


def link(path: str) -> str:
    """Where a symbolic link leads, "" if it cannot be read."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def has_proc() -> bool:
    """Whether a proc file system is mounted on /proc."""
    return os.path.exists("/proc/self/status")


def own_mounts() -> bool:
    """Under a foreign /proc: whether the mount namespace was made together with the pid namespace.

    Then a mount on /proc is seen by nobody who is not in both. Looked up is the parent of the
    process that made the pid namespace and waits for it outside, as unshare(1) with -f does.
    """
    mine, pid = link("/proc/self/ns/pid"), link("/proc/self")
    while pid not in ("", "0", "1") and link(f"/proc/{pid}/ns/pid") == mine:
        pid = _parent(pid)
    outside = link(f"/proc/{_parent(pid)}/ns/mnt")
    return outside not in ("", link("/proc/self/ns/mnt"))


def _parent(pid: str) -> str:
    return status_field(read_text(f"/proc/{pid}/status") or "", "PPid")


def privileged(host: Host) -> bool:
    """Whether nsh has CAP_SYS_ADMIN; without /proc to look at, root is taken to have it."""
    return host.can(CAP_SYS_ADMIN) or (not has_proc() and host.uid == 0)


def in_first_userns(host: Host) -> bool:
    """Whether nsh runs in the initial user namespace, as far as its uid_map tells."""
    return host.owned_ranges("uid") == ((0, 0, ALL_IDS),)


NS_GET_USERNS = 0xB701


def owned_here(name: str) -> bool:
    """Whether nsh's namespace of that kind belongs to nsh's own user namespace. See ioctl_nsfs(2)."""
    import fcntl

    try:
        fd = os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        owner = fcntl.ioctl(fd, NS_GET_USERNS)
    except OSError:
        return False
    finally:
        os.close(fd)
    try:
        return os.fstat(owner).st_ino == os.stat("/proc/self/ns/user").st_ino
    finally:
        os.close(owner)


def filtered() -> bool:
    """Whether nsh runs under a seccomp(2) filter."""
    return own_status("Seccomp") == "2"


def switched_off(host: Host) -> Diagnosis | None:
    """A sysctl by which a distribution keeps users from user namespaces, if one is set."""
    if host.can(CAP_SYS_ADMIN):
        return None
    for name, off, on, what in (
        ("kernel.unprivileged_userns_clone", "0", "1", "make user namespaces"),
        (
            "kernel.apparmor_restrict_unprivileged_userns",
            "1",
            "0",
            "have rights in user namespaces",
        ),
    ):
        value = read_text("/proc/sys/" + name.replace(".", "/"))
        if value is not None and value.strip() == off:
            return Diagnosis(
                f"{name} is {off} on this machine: only root may {what};"
                " root can change that for all users",
                as_root(f"sysctl -w {name}={on}", host),
            )
    return None


def as_root(line: str, host: Host) -> str:
    """A line for the host that needs root, as this user types it."""
    if privileged(host):
        return f"!{line}"
    if shutil.which("sudo", path=host.environ.get("PATH")):
        return f"!sudo {line}"
    return f"!su -c {quote(line)}"


def refused_kind(state: State, host: Host, number: int) -> str:
    """The namespace that unshare refuses with that errno when it is asked for alone, "" if none.

    Found by trying: each kind in a child of its own, inside a new user namespace if one is wanted.
    """
    from nsh import launch
    from nsh.plan import probe

    user = ("user",) if state.has("user") else ()
    for name in (*user, *[name for name in state.flags if name != "user"]):
        flags = (*user, name) if name != "user" else user
        try:
            launch.launch(probe(State(flags=flags), host))
        except launch.CallFailed as failure:
            if failure.call.name == "unshare" and failure.errno == number:
                return str(name)
    return ""


# Mounts.


class MountPoint:
    """One line of /proc/self/mountinfo, as far as it is needed. See proc_pid_mountinfo(5)."""

    __slots__ = ("fstype", "optional", "options", "point", "root", "source", "super_options")

    def __init__(self, fields: list[str]) -> None:
        dash = fields.index("-")
        self.root = unescape(fields[3])
        self.point = unescape(fields[4])
        self.options = fields[5].split(",")
        self.optional = fields[6:dash]
        self.fstype = fields[dash + 1]
        self.source = unescape(fields[dash + 2])
        self.super_options = fields[dash + 3].split(",") if len(fields) > dash + 3 else []


def unescape(text: str) -> str:
    """A field of mountinfo with its octal escapes undone."""
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text


def mount_points() -> list[MountPoint]:
    """The mounts that nsh sees, in mount order; empty without /proc."""
    lines = (read_text("/proc/self/mountinfo") or "").splitlines()
    return [MountPoint(line.split()) for line in lines if " - " in line]


def mount_of(path: str) -> MountPoint | None:
    """The mount that a path of the host is on."""
    best = None
    for mount in mount_points():
        inside = path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def in_chroot() -> bool:
    """Whether nsh's root directory is not the root of its mount namespace. See chroot(2).

    Either no mount is listed on /, or a forked child that has CAP_SYS_CHROOT finds a way up: after
    a chroot into a directory below, its working directory is outside of its root, and .. leads to
    where the real root is. Without that capability the second way is closed, and the answer no.
    """
    points = mount_points()
    if points and not any(mount.point == "/" for mount in points):
        return True
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(_root_is_below())
        except BaseException:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


def _root_is_below() -> bool:
    proc = os.open("/proc/self", os.O_RDONLY)

    def here() -> str:
        fd = os.open(".", os.O_RDONLY)
        info = os.open(f"fdinfo/{fd}", os.O_RDONLY, dir_fd=proc)
        mount = status_field(os.read(info, 4096).decode(), "mnt_id")
        return f"{mount} {os.fstat(fd).st_ino}"

    os.chdir("/")
    root = here()
    os.chroot("/proc")
    os.chdir("..")
    return here() != root


# The queue of mounts of a state.


def entry_of(plan: Plan, call: Call) -> int:
    """The index in ``plan.state.mounts`` of the entry that makes the call, -1 if none does."""
    mine = [
        one for one in plan.calls if one.name in ("mount", "umount2") and one.actor == plan.last
    ]
    at = next((at for at, one in enumerate(mine) if one is call), -1)
    at -= len(mine) - sum([_size(entry) for entry in plan.state.mounts])  # the propagation of /
    for index, entry in enumerate(plan.state.mounts):
        if 0 <= at < _size(entry):
            return index
        at -= _size(entry)
    return -1


def _size(entry: Mount | Umount) -> int:
    return 1 if isinstance(entry, Umount) else len(list(plans._mount(entry, "")))


def entries_before(plan: Plan, call: Call) -> tuple[Mount | Umount, ...]:
    """The entries of the queue that are performed before the call."""
    if call.name not in ("mount", "umount2"):
        return plan.state.mounts
    return plan.state.mounts[: max(0, entry_of(plan, call))]


def requeue(plan: Plan, index: int, *instead: str) -> tuple[str, ...]:
    """The lines that queue all mounts again, with ``instead`` in the place of entry ``index``.

    If they are too many to type, only the first of them.
    """
    return render.requeue(plan.state.mounts, index, instead)


def covering(path: str, entries: tuple[Mount | Umount, ...]) -> tuple[Mount | None, str | None]:
    """What a path leads to after these mounts: the last mount over it, and its place on the host.

    The place is None if it lies in a file system that is mounted new: nothing on the host is there.
    """
    path = real_path(path)
    active: list[Mount] = []
    for entry in entries:
        if isinstance(entry, Mount):
            active.append(entry)
        else:
            same = [mount for mount in active if mount.target == entry.target]
            if same:
                active.remove(same[-1])
    last = None
    while active:
        entry = active.pop()
        target = real_path(entry.target)
        if path != target and not path.startswith(target.rstrip("/") + "/"):
            continue
        if "remount" in entry.options.split(","):
            continue
        last = last or entry
        if entry.fstype not in ("bind", "rbind"):
            return last, None
        path = real_path(entry.source + path[len(target.rstrip("/")) :])
    return last, path


# Files.


def may_make(path: str) -> bool:
    """Whether this user may make a file or directory of that path on the host."""
    parent = _above(path)
    return os.path.isdir(parent) and os.access(parent, os.W_OK | os.X_OK)


def _above(path: str) -> str:
    """The lowest directory above a path that is there."""
    parent = os.path.dirname(path) or "."
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent) or "/"
    return parent


def not_made(path: str, host: Host) -> str:
    """Why this user cannot make a file or directory of that path on the host."""
    try:
        if os.statvfs(_above(path)).f_flag & os.ST_RDONLY:
            return "none can be made, because the file system there is read-only"
    except OSError:
        pass
    return f"uid {host.uid} may not make it"


def make(path: str, directory: bool = True) -> str:
    """The line that makes a directory, or an empty file, on the host."""
    parent = os.path.dirname(path) or "."
    deep = not os.path.isdir(parent)
    if directory:
        return f"!mkdir {'-p ' if deep else ''}{quote(path)}"
    return f"!{f'mkdir -p {quote(parent)} && ' if deep else ''}touch {quote(path)}"


def spare(path: str) -> str:
    """A path of the same name that is not there yet, under /tmp or where else all may write."""
    places = ["/tmp", "/var/tmp", "/dev/shm"]
    place = next((place for place in places if os.access(place, os.W_OK | os.X_OK)), "/tmp")
    name = os.path.basename(path.rstrip("/")) or "new"
    found = f"{place}/{name}"
    number = 1
    while os.path.lexists(found):
        number += 1
        found = f"{place}/{name}{number}"
    return found


def forbidden_by(path: str, host: Host) -> str:
    """The first directory on the way to the path that this user may not search by its permission
    bits alone, or the path itself if all may be searched."""
    groups = {host.gid, *os.getgroups()}
    place = "/"
    for part in [*path.strip("/").split("/")]:
        try:
            status = os.stat(place)
        except OSError:
            return place
        shift = 6 if status.st_uid == host.uid else 3 if status.st_gid in groups else 0
        if not status.st_mode >> shift & 1:
            return place
        place = os.path.join(place, part)
    return place


def whole_map(host: Host) -> tuple[str, str]:
    """The lines that map every id of this user namespace to itself."""
    lines = []
    for kind in ("uid", "gid"):
        numbers = [f"{inside} {inside} {count}" for inside, _, count in host.owned_ranges(kind)]
        lines.append(f"{kind}map " + " ".join(numbers))
    return lines[0], lines[1]
