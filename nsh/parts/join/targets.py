"""What a join leads to: a child's process, a stranger's, a file, or the descriptors of a pin."""

from __future__ import annotations

import errno
import os

from nsh.errors import Refusal, closest
from nsh.host import Host
from nsh.linux.namespaces import BY_NAME, NAMESPACES
from nsh.linux.procfs import link
from nsh.state import Join, State
from nsh.value import Value
from nsh.words import join as join_words

STEP = "step"
"""The name of the run that is being stepped through."""


class Target(Value):
    """Where the namespaces of one join are.

    name   what was typed
    kinds  which of them to join
    pid    the process that is in them, 0 if there is none
    path   the file that is one of them, or ""
    links  the text of each one's link in /proc/PID/ns, as far as it can be read
    """

    name: str
    kinds: tuple[str, ...]
    pid: int = 0
    path: str = ""
    links: tuple[tuple[str, str], ...] = ()


def own_links() -> dict[str, str]:
    """The namespaces of nsh itself: kind to the text of its link in /proc/self/ns."""
    return links_of("self")


def links_of(pid: int | str) -> dict[str, str]:
    """The namespaces of a process, those that may be seen: kind to the text of its link."""
    found = {each.name: link(f"/proc/{pid}/ns/{each.proc}") for each in NAMESPACES}
    return {name: text for name, text in found.items() if text}


def is_path(word: str) -> bool:
    """Whether a target is a file and neither a name nor a process id."""
    return "/" in word


def targets(state: State, host: Host) -> list[Target]:
    """Where the joins of a state lead, in the order in which they are joined.

    A user namespace is joined first by a user, because it gives the right to join the others, and
    last by root, because it takes it away. Raises Refusal if there is no such child, process or
    namespace.
    """
    found = [target_of(each, host) for each in state.joins]
    last = host.is_privileged
    return sorted(found, key=lambda target: ("user" in target.kinds) == last)


def target_of(join: Join, host: Host) -> Target:
    """Where one join leads. Raises Refusal."""
    if is_path(join.target):
        return _file(join)
    if join.target.isdigit():
        return _process(join, int(join.target))
    if join.target == STEP and host.stepped:
        return _process(join, host.stepped)
    if join.target in host.living:
        return _process(join, host.living[join.target])
    if join.target in host.pins:
        return _pinned(join, host)
    raise no_child(join.target, host)


def no_child(name: str, host: Host, command: str = "join") -> Refusal:
    """What is said of a name that no living or pinned child has."""
    if name == STEP:
        return Refusal("no run is being stepped through that has a process", "step CMD")
    names = [*host.living, *host.pins]
    if close := closest(name, names):
        return Refusal(f"there is no child {name}: did you mean {close}?", f"{command} {close}")
    if names:
        return Refusal(f"there is no child {name}; there are {', '.join(names)}", "children")
    what = join_words([name])
    return Refusal(f"there is no child {name}, and no other lives", f"start {what}")


def _process(join: Join, pid: int) -> Target:
    if not os.path.isdir(f"/proc/{pid}"):
        what = f"process {pid}" if join.target.isdigit() else f"child {join.target}"
        raise Refusal(f"there is no {what} any more", "children", "reset join")
    there = links_of(pid)
    if not there:
        raise Refusal(
            f"the namespaces of process {pid} may not be looked at: it is another user's, or has"
            " rights that nsh does not have",
            "join none",
        )
    mine = own_links()
    kinds = join.kinds or tuple([name for name, text in there.items() if text != mine.get(name)])
    if not kinds:
        raise Refusal(
            f"{join.target} is in the same namespaces as this shell: there is nothing to join",
            "reset join",
        )
    return Target(join.target, kinds, pid, "", tuple(there.items()))


def _pinned(join: Join, host: Host) -> Target:
    held = host.pins[join.target]
    kinds = join.kinds or tuple(held)
    for kind in kinds:
        if kind not in held:
            raise Refusal(
                f"{join.target} has ended, and its {kind} namespace was not its own: only"
                f" {', '.join(held)} of it are pinned",
                f"join {join.target} {' '.join(held)}",
            )
    there = {kind: f"{BY_NAME[kind].proc}:[{os.fstat(fd).st_ino}]" for kind, fd in held.items()}
    return Target(join.target, kinds, 0, "", tuple(there.items()))


def _file(join: Join) -> Target:
    kind = kind_of(join.target)
    if join.kinds and join.kinds != (kind,):
        raise Refusal(f"{join.target} is a {kind} namespace", f"join {kind} {join.target}")
    inode = os.stat(join.target).st_ino
    there = ((kind, f"{BY_NAME[kind].proc}:[{inode}]"),)
    return Target(join.target, (kind,), 0, os.path.abspath(join.target), there)


def kind_of(path: str) -> str:
    """Which kind of namespace a file is. Raises Refusal if it is none. See ioctl_nsfs(2)."""
    import fcntl

    from nsh.linux.constants import NS_GET_NSTYPE
    from nsh.linux.descriptors import close

    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Refusal(f"{path} cannot be opened: {error.strerror}", "help join") from None
    try:
        flag = fcntl.ioctl(fd, NS_GET_NSTYPE)
    except OSError as error:
        if error.errno not in (errno.ENOTTY, errno.EINVAL):
            raise Refusal(f"{path}: {error.strerror}", "help join") from None
        raise Refusal(
            f"{path} is no namespace: a file of /proc/PID/ns is one, and what it is"
            " bind-mounted on",
            "!ls -l /proc/$$/ns",
        ) from None
    finally:
        close(fd)
    for each in NAMESPACES:
        if each.flag == flag:
            return each.name
    raise Refusal(f"{path} is a namespace of a kind that nsh does not know", "help join")
