"""What holds for every diagnosis: it never breaks, always says why, and proposes lines that exist."""

from __future__ import annotations

import errno
import re

import pytest

from nsh import words
from nsh.call import Plan
from nsh.host import Host
from nsh.linux.idmaps import Range
from nsh.parts.part import Diagnosis, FailedCall
from nsh.plan.diagnose import cause_of, status
from nsh.plan.order import plan
from nsh.shell import Shell
from nsh.state import Mount, Propagation, State, Umount, Variable
from tests import needs
from tests.diagnosis import session

COMMANDS = tuple(Shell().command_names())
MOUNTS = (
    Mount("tmpfs", "none", "/mnt"),
    Mount("bind", "/etc", "/srv", "ro"),
    Mount("bind", "/nosuch", "/srv", "nosuid,unbindable"),
    Mount("rbind", "/dev", "/mnt/nosuch"),
    Mount("proc", "proc", "/proc"),
    Mount("sysfs", "sysfs", "/sys"),
    Mount("ext4", "/dev/nosuch", "/mnt"),
    Mount("overlay", "overlay", "/mnt", "lowerdir=/a:/b"),
    Mount("none", "/srv", "/mnt", "move"),
    Mount("none", "none", "/srv", "remount,ro"),
    Propagation("rshared", "/srv"),
    Umount("/srv"),
    Umount("/", lazy=True),
)
STATES = (
    State(),
    State(flags=("pid", "time"), cwd="/nosuch/x"),
    State(
        flags=("net", "mnt", "uts", "ipc", "pid", "user", "cgroup", "time"),
        hostname="x" * 65,
        domainname="y",
        mounts=MOUNTS,
        uidmap=(Range(0, 0, 1), Range(5, 3, 4294967295)),
        gidmap="root",
        setgroups="allow",
        cwd="/etc/passwd",
    ),
    State(
        flags=("mnt",),
        mounts=(*MOUNTS[:9], *MOUNTS[10:]),
        env=(Variable("PATH", ""), Variable("A", None)),
    ),
)
ARGVS = (("true",), ("",), ("/nosuch/x", "y"), ("./x",), ("/etc",), ("/etc/passwd/x",))


class Ordinary(Host):
    """A host on which nsh has no capabilities and an id that nobody else has."""

    def __init__(self) -> None:
        super().__init__()
        self._capabilities = 0
        self.uid = self.gid = 54321


@pytest.mark.parametrize("who", [Host, Ordinary])
@pytest.mark.parametrize("state", STATES, ids=range(len(STATES)))
def test_every_call_with_every_errno(state: State, who: type[Host]) -> None:
    for argv in ARGVS:
        wanted = plan(state, argv, Host())
        seen = set()
        for call in wanted.calls:
            if call.name in ("execve", "mount", "umount2") or argv == ARGVS[0]:
                for number in errno.errorcode:
                    if number in (errno.ENOSPC, errno.EUSERS) and call.name == "unshare":
                        continue  # these try the namespaces: tests/parts/namespaces
                    failed = FailedCall(call, number, wanted, who(), COMMANDS)
                    found = cause_of(failed)
                    seen.add(call.name)
                    _check(found)
                    assert status(failed) in (125, 126, 127)
        assert "execve" in seen


def _check(found: Diagnosis) -> None:
    assert found.cause
    assert found.cause[-1] not in ".:;"
    assert found.cause == found.cause.strip()
    assert "  " not in found.cause
    assert found.fixes
    for fix in found.fixes:
        assert "\n" not in fix
        first = fix.split()[0]
        assert first.startswith("!") or first in COMMANDS, fix
        if not first.startswith("!") and first != "sh":
            assert words.split(fix), fix


@needs.NAMESPACES
def test_the_errors_of_a_script_name_its_line_and_do_not_end_it() -> None:
    out, said = session(["flags +mnt", "mount tmpfs /nosuch/x", "run true", "run nosuch", "run /"])
    assert re.findall(r"\[\d+\]", out) == ["[125]", "[125]", "[125]"]
    assert said.count("try: !mkdir -p /nosuch/x") == 3


def test_statuses() -> None:
    out, _ = session(["run nosuch", "run /tmp", "cd /nosuch", "run true"])
    assert re.findall(r"\[\d+\]", out) == ["[127]", "[126]", "[125]"]


def test_the_status_of_a_run_that_could_not_start() -> None:
    wanted: Plan = plan(State(), ["true"], Host())
    last, first = wanted.calls[-1], wanted.calls[0]
    for call, error, expected in (
        (last, errno.ENOENT, 127),
        (last, errno.EACCES, 126),
        (first, errno.ENOENT, 125),
    ):
        assert status(FailedCall(call, error, wanted, Host())) == expected
