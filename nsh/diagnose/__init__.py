"""Diagnose: from a failed call and its errno to the cause on this machine and the lines that mend it.

It looks before it speaks: at capabilities, uid maps, mounts, limits, files. What it says rests on
the ERRORS sections of the calls' manual pages and on user_namespaces(7), mount_namespaces(7),
pid_namespaces(7), namespaces(7).
"""

from __future__ import annotations

import errno

from nsh.call import Call, Plan
from nsh.diagnose import execve, maps, mount, umount, unshare
from nsh.diagnose.facts import Diagnosis, filtered, switched_off
from nsh.host import CAP_SYS_ADMIN, Host, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.launch import CallFailed

__all__ = ["Diagnosis", "diagnose", "status"]


def diagnose(failure: CallFailed, plan: Plan, host: Host, commands: list[str]) -> Diagnosis:
    """Why the call failed on this machine, and what to type.

    ``commands`` are the names of nsh's own commands, for a `run` that means one of them.
    """
    found = _found(failure.call, failure.errno, plan, host, commands)
    return found or _unexplained(failure.call, failure.errno, host)


def _found(
    call: Call, number: int, plan: Plan, host: Host, commands: list[str]
) -> Diagnosis | None:
    state = plan.state
    match call.name:
        case "clone":
            return unshare.clone(call, number, host)
        case "unshare":
            return unshare.unshare(number, state, host)
        case "openat":
            return maps.open_map(number, host)
        case "write" if maps.map_name(call):
            return maps.write_map(maps.map_name(call), number, state, host)
        case "wait4":
            return maps.helper(getattr(call.args[0], "name", "newuidmap"), 0, host)
        case "mount":
            return mount.mount(call, number, plan, host)
        case "umount2":
            return umount.umount(call, number, plan, host)
        case "sethostname" | "setdomainname":
            return execve.name(call, number) or switched_off(host)
        case "chdir":
            return execve.chdir(str(call.args[0]), number, plan, host)
        case "execve" if call.actor != plan.last:
            return maps.helper(call.actor, number, host)
        case "execve":
            return execve.execve(call, number, plan, host, commands)
    return None


def _unexplained(call: Call, number: int, host: Host) -> Diagnosis:
    page = "fork" if call.name == "clone" else call.name
    if number in (errno.EPERM, errno.EACCES, errno.ENOSYS) and filtered():
        return Diagnosis(
            f"nsh runs under a seccomp filter, as programs in a container do, and the filter forbids"
            f" {call.name}: start the container without it, or leave it",
            "quit",
        )
    if number in (errno.EPERM, errno.EACCES) and host.can(CAP_SYS_ADMIN):
        modules = (read_text("/sys/kernel/security/lsm") or "").strip()
        which = f" ({modules})" if modules else ""
        return Diagnosis(
            f"nsh has CAP_SYS_ADMIN, so a security module{which} may have refused it; its reason may"
            " be in the kernel's log",
            "!dmesg | tail",
        )
    if number == errno.ENOMEM:
        return Diagnosis("the kernel has no memory left for it", "!cat /proc/meminfo")
    if number == errno.ENOSYS:
        return Diagnosis(f"this kernel does not have the system call {call.name}", "!uname -r")
    if number in (errno.EMFILE, errno.ENFILE):
        return Diagnosis("too many files are open, in nsh or on the machine", "quit")
    return Diagnosis(
        f"nothing that nsh looks at explains it; {page}(2) lists what this errno can mean",
        f"!man 2 {page}",
    )


def status(failure: CallFailed, plan: Plan) -> int:
    """The exit status of a run whose set-up failed: 127 not found, 126 not executable, 125 the rest."""
    if failure.call.name == "execve" and failure.call.actor == plan.last:
        return 127 if failure.errno == errno.ENOENT else 126
    return 125
