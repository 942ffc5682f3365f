"""What a join leads to: a child's process, a stranger's, a file, or the descriptors of a pin."""

from __future__ import annotations

import os

from nsh.errors import Refusal, closest
from nsh.host import Host
from nsh.linux.namespaces import BY_NAME, NAMESPACES
from nsh.linux.processes import stat_fields
from nsh.linux.procfs import link, read_text
from nsh.state import Join, State
from nsh.value import Value
from nsh.words import join as join_words
from nsh.words import number, quote

STEP = "step"
"""The name of the run that is being stepped through."""


class Target(Value):
    """Where the namespaces of one join are.

    name   what was typed
    kinds  which of them to join
    pid    the process that is in them, 0 if there is none
    path   the file that is one of them, or ""
    links  the text of each one's link in /proc/PID/ns, as far as it can be read
    by_pidfd  whether the process itself is opened, and not each of its namespaces
    """

    name: str
    kinds: tuple[str, ...]
    pid: int = 0
    path: str = ""
    links: tuple[tuple[str, str], ...] = ()
    by_pidfd: bool = False


def own_links() -> dict[str, str]:
    """The namespaces of nsh itself: kind to the text of its link in /proc/self/ns."""
    return links_of("self")


def links_of(pid: int | str) -> dict[str, str]:
    """The namespaces of a process, those that may be seen: kind to the text of its link."""
    found = {each.name: link(f"/proc/{pid}/ns/{each.proc}") for each in NAMESPACES}
    return {name: text for name, text in found.items() if text}


def apart() -> list[tuple[str, str]]:
    """The processes that can be joined without further words: number, and kinds and command.

    Those that have another namespace than nsh, as far as it may be seen.
    """
    mine = own_links()
    found = []
    for pid in sorted([int(name) for name in os.listdir("/proc") if name.isdigit()]):
        kinds = [kind for kind, text in links_of(pid).items() if text != mine.get(kind)]
        if kinds:
            command = (read_text(f"/proc/{pid}/comm") or "").strip()
            found.append((str(pid), f"{command}: {' '.join(kinds)}"))
    return found


def is_path(word: str) -> bool:
    """Whether a target is a file and neither a name nor a process id."""
    return "/" in word


def targets(state: State, host: Host) -> list[Target]:
    """Where the joins of a state lead, in the order in which they are joined.

    A user namespace is joined first by a user, because it gives the right to join the others, and
    last by root, because it takes it away. Raises Refusal if there is no such child, process or
    namespace any more.
    """
    found: list[Target] = []
    for each in state.joins:
        try:
            found.append(target_of(each, host))
        except Refusal as refusal:
            others = [fix for fix in refusal.fixes if fix != "reset join"]
            raise Refusal(refusal.why, "reset join", *others) from None
    last = host.is_privileged
    if not last:
        found = _with_right(found, host)
    # What is changed must be what was looked at: the process itself may move meanwhile.
    changed = changes(state)
    found = [
        target.replace(
            by_pidfd=bool(target.pid) and host.sets_by_pidfd and changed.isdisjoint(target.kinds)
        )
        for target in found
    ]
    return sorted(found, key=lambda target: ("user" in target.kinds) == last)


def _with_right(found: list[Target], host: Host) -> list[Target]:
    """The same for a user: a child's own user namespace is joined, too, if nothing else gives the
    right to join what belongs to it."""
    if any("user" in target.kinds for target in found):
        return found
    mine = own_links().get("user")
    for at, target in enumerate(found):
        if target.name in host.living and dict(target.links).get("user", mine) != mine:
            return [
                *found[:at],
                target.replace(kinds=(*target.kinds, "user")),
                *found[at + 1 :],
            ]
    return found


def changes(state: State) -> set[str]:
    """The kinds of joined namespaces that a run of the state changes: of those that are not new."""
    changed = set()
    if state.hostname is not None or state.domainname is not None:
        changed.add("uts")
    if state.mounts:
        changed.add("mnt")
    return changed - set(state.flags)


def target_of(join: Join, host: Host) -> Target:
    """Where one join leads. Raises Refusal."""
    word = join.target
    if is_path(word):
        return _file(join)
    if is_number(word):
        return _process(join, _pid(word))
    if word == STEP and host.stepped:
        return _process(join, host.stepped)
    if word in host.living and (word not in host.pins or _lives(host.living[word])):
        return _process(join, host.living[word])
    if word in host.pins:
        return _pinned(join, host)
    raise no_child(word, host)


def no_child(name: str, host: Host, command: str = "join") -> Refusal:
    """What is said of a name that no living or pinned child has."""
    if name == STEP:
        return Refusal("no run is being stepped through that has a process", "step CMD")
    names = [*host.living, *host.pins]
    if not name:
        return Refusal("a child, a process or a file has no empty name", f"help {command}")
    if close := closest(name, names):
        return Refusal(f"there is no child {name}: did you mean {close}?", f"{command} {close}")
    if names:
        known = ", ".join(dict.fromkeys(names))
        return Refusal(f"there is no child {name}; there are {known}", "children")
    what = join_words([name])
    start = f"start {what}" if name.isidentifier() and name.isascii() else "help join"
    return Refusal(f"there is no child {what}, and no other lives", start)


def is_number(word: str) -> bool:
    """Whether a target is a process id."""
    return word.isascii() and word.isdigit()


def _pid(word: str) -> int:
    return number(word, _LAST_PID) or 0


_LAST_PID = 1 << 22
"""PID_MAX_LIMIT in the kernel: proc_sys_kernel(5), pid_max."""


def _lives(pid: int) -> bool:
    """Whether a process is there and has not ended: a zombie has no namespaces any more."""
    return bool(pid) and stat_fields(pid)[:1] not in ([], ["Z"], ["X"])


def _process(join: Join, pid: int) -> Target:
    by_number = is_number(join.target)
    if not _lives(pid):
        if by_number:
            raise Refusal(f"there is no process {join.target}", "!ps -e", "reset join")
        raise Refusal(f"the child {join.target} has ended", "children", "reset join")
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
        what = f"process {pid}" if by_number else join.target
        raise Refusal(
            f"{what} is in the same namespaces as this shell: there is nothing to join",
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
    there = {kind: text_of(kind, os.fstat(fd).st_ino) for kind, fd in held.items()}
    return Target(join.target, kinds, 0, "", tuple(there.items()))


def text_of(kind: str, inode: int) -> str:
    """The text of the link of a namespace in /proc/PID/ns."""
    return f"{BY_NAME[kind].proc}:[{inode}]"


def _file(join: Join) -> Target:
    kind, inode = _looked_at(join.target)
    if join.kinds and join.kinds != (kind,):
        raise Refusal(
            f"{join.target} is a {kind} namespace", join_words(["join", kind, join.target])
        )
    there = ((kind, text_of(kind, inode)),)
    return Target(join.target, (kind,), 0, os.path.abspath(join.target), there)


def _looked_at(path: str) -> tuple[str, int]:
    """Which kind of namespace a file is, and its inode. Raises Refusal if it is none.

    See ioctl_nsfs(2).
    """
    from nsh.linux.descriptors import close
    from nsh.linux.nsfs import kind_of

    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, PermissionError) and path.startswith("/proc/"):
            why = f"{why}; a process is another user's, or has rights that nsh does not have"
        raise Refusal(f"{path} cannot be opened: {why}", f"!ls -l {quote(path)}") from None
    try:
        kind = kind_of(fd)
        inode = os.fstat(fd).st_ino
    except OSError:
        raise Refusal(
            f"{path} is no namespace: a file of /proc/PID/ns is one, and what it is"
            " bind-mounted on",
            "!ls -l /proc/$$/ns",
        ) from None
    finally:
        close(fd)
    if not kind:
        raise Refusal(f"{path} is a namespace of a kind that nsh does not know", "help join")
    return kind, inode
