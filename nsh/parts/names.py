"""The names: the host name and the NIS domain name of a new uts namespace. See uts_namespaces(7)."""

from __future__ import annotations

import errno
import os

from nsh.base import BaseShell
from nsh.call import Call
from nsh.errors import Usage
from nsh.host import Host
from nsh.linux.procfs import read_text
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.state import State
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64
"""__NEW_UTS_LEN in the kernel."""


class NameCommands(BaseShell):
    """hostname and domainname."""

    group = "State"

    def do_hostname(self, line: str) -> None:
        """hostname [NAME]

        The host name that the next run sees. Without NAME, show it.

        Needs `flags +uts`: without a new uts namespace it would rename the host, so
        `run` refuses. One that was made for a child and is joined will do, too.
        `reset hostname` leaves the name alone again.

        See sethostname(2), uts_namespaces(7).
        """
        match _no_options(self.words(line, at_most=1)):
            case []:
                name = self.state.hostname
                self.message(os.uname().nodename if name is None else name)
            case [name]:
                self.change(hostname=name)

    def do_domainname(self, line: str) -> None:
        """domainname [NAME]

        The NIS domain name that the next run sees. Without NAME, show it.

        Needs `flags +uts`, as hostname does.

        See setdomainname(2), uts_namespaces(7).
        """
        match _no_options(self.words(line, at_most=1)):
            case []:
                name = self.state.domainname
                if name is None:
                    name = (read_text("/proc/sys/kernel/domainname") or "(none)").strip()
                self.message(name)
            case [name]:
                self.change(domainname=name)


def _no_options(found: list[str]) -> list[str]:
    for word in found:
        if word.startswith("-"):
            raise Usage(f"there is no option {word}")
    return found


def lines(state: State) -> list[str]:
    """The commands that rebuild the names."""
    names = (("hostname", state.hostname), ("domainname", state.domainname))
    return [join([command, name]) for command, name in names if name is not None]


def guard(state: State, host: Host) -> None:
    """Raise Refusal if the host, or what is not nsh's, would be renamed."""
    if (state.hostname is not None or state.domainname is not None) and not state.has("uts"):
        from nsh.parts.join.own import may_change

        what = "hostname" if state.hostname is not None else "domainname"
        may_change(state, host, "uts", f"set{what} would rename the host")


def calls(state: State, actor: str) -> Iterator[Call]:
    """The calls that set the names."""
    if state.hostname is not None:
        yield _named(actor, "sethostname", state.hostname, "its own name")
    if state.domainname is not None:
        yield _named(actor, "setdomainname", state.domainname, "its own NIS domain name")


def _named(actor: str, call: str, name: str, why: str) -> Call:
    return Call(actor, call, (name, len(os.fsencode(name))), why, part="names")


def diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why a name was not set."""
    name, size = failed.call.args
    if failed.error not in (errno.EINVAL, errno.ENAMETOOLONG) or int(str(size)) <= MAX_BYTES:
        from nsh.parts.facts import switched_off
        from nsh.parts.ids.nested import above_joined

        return switched_off(failed.host) or above_joined("uts", failed.state, failed.host)
    short = str(name)
    while len(os.fsencode(short)) > MAX_BYTES:
        short = short[:-1]
    return Diagnosis(
        f"the name has {size} bytes, and the kernel takes {MAX_BYTES} at most",
        join([failed.call.name.removeprefix("set"), short]),
    )


PART = Part(
    name="names",
    commands=NameCommands,
    resets={"hostname": ("hostname",), "domainname": ("domainname",)},
    lines=lines,
    diagnose=diagnose,
    examples=("hostname box", "domainname example"),
    guard=guard,
)
