"""AppArmor's restriction of user namespaces, as Ubuntu has it since 24.04. See apparmor.d(5).

Where kernel.apparmor_restrict_unprivileged_userns is 1, an ordinary user's program without a profile
still gets a new user namespace, but with it the profile unprivileged_userns, which takes all rights
there: what comes next is refused. A profile with the rule ``userns`` leaves them.
"""

from __future__ import annotations

from nsh.linux.procfs import link, read_text
from nsh.parts.part import Diagnosis
from nsh.words import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SYSCTL = "kernel.apparmor_restrict_unprivileged_userns"
PLACE = "/etc/apparmor.d/nsh"
_TAKES = "unprivileged_userns"


def label() -> str:
    """The profile that nsh runs under, without its mode: "unconfined", or "" without AppArmor."""
    for name in ("/proc/self/attr/apparmor/current", "/proc/self/attr/current"):
        text = read_text(name)
        if text is not None:
            return text.strip("\n\0 ").partition(" (")[0]
    return ""


def profile(program: str) -> str:
    """A profile that changes nothing for a program but lets it have user namespaces.

    >>> profile("/usr/bin/python3")
    'abi <abi/4.0>, profile nsh /usr/bin/python3 flags=(unconfined) { userns, }'
    """
    named = f'"{program}"' if " " in program else program
    return f"abi <abi/4.0>, profile nsh {named} flags=(unconfined) {{ userns, }}"


def restricted(as_root: Callable[[str], str]) -> Diagnosis | None:
    """That AppArmor took the rights in the new user namespace, None if that is not so.

    ``as_root`` makes the line that this user types of one for the host that needs root.
    """
    if (read_text("/proc/sys/" + SYSCTL.replace(".", "/")) or "").strip() != "1":
        return None
    if label() not in ("", "unconfined", _TAKES):
        return None  # it has a profile of its own
    program = link("/proc/self/exe") or "/usr/bin/python3"
    writes = as_root(f"tee {PLACE}").removeprefix("!")
    return Diagnosis(
        f"{SYSCTL} is 1 on this machine: only root may have rights in user namespaces, and AppArmor"
        f" gives a program that makes one the profile {_TAKES}, which has none. A profile of its own"
        f" lets {program}, which runs nsh, have them: write it, load it, and start nsh again (sysctl -w"
        f" {SYSCTL}=0 lets all programs)",
        f"!echo {quote(profile(program))} | {writes}",
        as_root(f"apparmor_parser -r {PLACE}"),
        "quit",
    )
