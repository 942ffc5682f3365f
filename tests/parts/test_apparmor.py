"""AppArmor's restriction of user namespaces: what is looked at, and what is proposed."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from nsh.host import Host
from nsh.parts import apparmor
from nsh.parts.facts import switched_off
from nsh.parts.part import FailedCall
from nsh.plan.diagnose import cause_of
from nsh.plan.order import plan
from nsh.state import State, Umount
from nsh.words import split
from tests import needs

SYSCTL = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
LABEL = "/proc/self/attr/apparmor/current"


def ordinary() -> Host:
    """A host on which nsh has no capabilities."""
    found = Host()
    found._capabilities = 0
    return found


def facts(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    """Let these files of the kernel have these texts, and no others be there."""
    monkeypatch.setattr(apparmor, "read_text", files.get)


@pytest.mark.parametrize(
    ("files", "is_cause"),
    [
        ({}, False),
        ({SYSCTL: "0\n"}, False),
        ({SYSCTL: "1\n"}, True),
        ({SYSCTL: "1\n", LABEL: "unconfined\n"}, True),
        ({SYSCTL: "1\n", LABEL: "unprivileged_userns (enforce)\n"}, True),
        ({SYSCTL: "1\n", LABEL: "nsh (unconfined)\n"}, False),
        ({SYSCTL: "1\n", "/proc/self/attr/current": "nsh (unconfined)\n"}, False),
    ],
)
def test_it_is_the_cause_for_a_program_without_a_profile(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, str], is_cause: bool
) -> None:
    facts(monkeypatch, files)
    assert (switched_off(ordinary()) is not None) == is_cause
    host = ordinary()
    host._capabilities = (1 << 40) - 1
    assert switched_off(host) is None


def test_a_profile_for_this_program_comes_before_the_switch_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts(monkeypatch, {SYSCTL: "1\n", LABEL: "unconfined\n"})
    found = switched_off(ordinary())
    assert found is not None
    program = os.readlink("/proc/self/exe")
    assert f"lets {program}, which runs nsh" in found.cause
    assert "(sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in found.cause
    write, load, leave = found.fixes
    assert apparmor.profile(program) in write
    assert load.endswith("apparmor_parser -r /etc/apparmor.d/nsh") or "su -c" in load
    assert leave == "quit"


@needs.AROUND
@needs.program("unshare")
def test_the_line_writes_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    facts(monkeypatch, {SYSCTL: "1\n"})
    found = switched_off(ordinary())
    assert found is not None
    line = found.fixes[0].removeprefix("!").replace("sudo ", "").replace("su -c ", "sh -c ")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-ec", f"mount -t tmpfs none /etc; mkdir /etc/apparmor.d; {line}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == apparmor.profile(os.readlink("/proc/self/exe")) + "\n"
    assert not Path("/etc/apparmor.d/nsh").exists()


def test_a_program_with_a_blank_in_its_path_is_quoted() -> None:
    assert split(apparmor.profile("/a b").split("profile ")[1].split(" flags")[0]) == [
        "nsh",
        "/a b",
    ]


def test_it_is_named_for_any_call_that_takes_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    facts(monkeypatch, {SYSCTL: "1\n"})
    host = ordinary()
    host.uid = host.gid = 65534
    state = State(flags=("user", "mnt"), uidmap="root", mounts=(Umount("/mnt", lazy=True),))
    wanted = plan(state, ("true",), host)
    names = ("mount", "umount2", "write")
    calls = [call for call in wanted.calls if call.name in names and call.part in ("mounts", "ids")]
    assert {call.name for call in calls} == set(names)
    for call in calls:
        found = cause_of(FailedCall(call, errno.EPERM, wanted, host))
        assert apparmor.SYSCTL in found.cause, call
