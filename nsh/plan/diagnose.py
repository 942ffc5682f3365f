"""Diagnose: from a failed call and its errno to the cause on this machine and the lines that mend it.

The part that the call comes from is asked first. It looks before it speaks: at capabilities, uid
maps, mounts, limits, files. What it says rests on the ERRORS sections of the calls' manual pages and
on user_namespaces(7), mount_namespaces(7), pid_namespaces(7), namespaces(7).
"""

from __future__ import annotations

import errno

from nsh.call import Call
from nsh.host import Host
from nsh.linux.constants import CAP_SYS_ADMIN
from nsh.linux.procfs import is_filtered, read_text
from nsh.parts.facts import restricted
from nsh.parts.part import Diagnosis, FailedCall
from nsh.parts.table import BY_NAME


def cause_of(failed: FailedCall) -> Diagnosis:
    """Why the call failed on this machine, and what to type."""
    part = BY_NAME.get(failed.call.part)
    found = part.diagnose(failed) if part else None
    if found and failed.state.joins:
        found.fixes = tuple([_by_name(line, failed.host) for line in found.fixes])
    if found is None and failed.error in (errno.EPERM, errno.EACCES) and failed.state.has("user"):
        found = restricted(failed.host)
    return found or _unexplained(failed.call, failed.error, failed.host)


def _by_name(line: str, host: Host) -> str:
    """A line for the host with the root of a child by the child's name, not by its number."""
    for name, pid in host.living.items():
        if line.startswith("!"):
            line = line.replace(f" /proc/{pid}/root", f" /proc/${name}/root")
    return line


def _unexplained(call: Call, error: int, host: Host) -> Diagnosis:
    page = "fork" if call.name == "clone" else call.name
    if not error:
        return Diagnosis(
            f"{call.name} failed without saying why: it set no errno, as the kernel always does;"
            " what traces or filters nsh may have answered in its place",
            "quit",
        )
    if error in (errno.EPERM, errno.EACCES, errno.ENOSYS) and is_filtered():
        return Diagnosis(
            f"nsh runs under a seccomp filter, as programs in a container do, and the filter forbids"
            f" {call.name}: start the container without it, or leave it",
            "quit",
        )
    if error in (errno.EPERM, errno.EACCES) and host.can(CAP_SYS_ADMIN):
        modules = (read_text("/sys/kernel/security/lsm") or "").strip()
        which = f" ({modules})" if modules else ""
        return Diagnosis(
            f"nsh has CAP_SYS_ADMIN, so a security module{which} may have refused it; its reason may"
            " be in the kernel's log",
            "!dmesg | tail",
        )
    if error == errno.ENOMEM:
        return Diagnosis("the kernel has no memory left for it", "!cat /proc/meminfo")
    if error == errno.ENOSYS:
        return Diagnosis(f"this kernel does not have the system call {call.name}", "!uname -r")
    if error in (errno.EMFILE, errno.ENFILE):
        return Diagnosis("too many files are open, in nsh or on the machine", "quit")
    return Diagnosis(
        f"nothing that nsh looks at explains it; {page}(2) lists what this errno can mean",
        f"!man 2 {page}",
    )


def status(failed: FailedCall) -> int:
    """The exit status of a run whose set-up failed: 127 not found, 126 not executable, 125 the rest."""
    if failed.call.name == "execve" and failed.call.actor == failed.plan.last:
        return 127 if failed.error == errno.ENOENT else 126
    return 125
