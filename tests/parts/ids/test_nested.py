"""A new user namespace on top of what is joined: its rights do not reach out of it."""

from __future__ import annotations

import pytest

from tests import needs
from tests.conftest import NSH
from tests.diagnosis import teach
from tests.unprivileged import unprivileged_command

WHO = [pytest.param(NSH, id="root"), pytest.param(unprivileged_command(), id="ordinary user")]
MADE = [
    "flags +user +mnt +pid +net +ipc",
    "map root",
    "start web",
    "reset",
    "join web",
    "flags +user",
]


@pytest.mark.parametrize("start", WHO)
@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("mount tmpfs /mnt", 'mount("none", "/mnt", "tmpfs", 0, NULL)'),
        ("umount /proc", 'umount2("/proc", 0)'),
        ("propagation slave /proc", 'mount("none", "/proc", NULL, MS_SLAVE, NULL)'),
    ],
)
def test_the_mounts_of_a_joined_namespace(start: list[str], line: str, call: str) -> None:
    teach(
        *MADE,
        line,
        "run true",
        start=start,
        call=f"{call} = -1 EPERM",
        cause="the mnt namespace of web is joined, and belongs to a user namespace around the new one",
        fixes=["flags +mnt"],
        works=not line.startswith("umount"),  # in the new one that mount is locked
    )


@pytest.mark.parametrize("start", WHO)
@pytest.mark.parametrize(("fstype", "kind"), [("proc", "pid"), ("sysfs", "net"), ("mqueue", "ipc")])
def test_a_file_system_of_a_joined_namespace(start: list[str], fstype: str, kind: str) -> None:
    teach(
        *MADE,
        "flags +mnt",
        "map root",
        f"mount {fstype} /mnt",
        "run true",
        start=start,
        call=f'"{fstype}", 0, NULL) = -1 EPERM',
        cause=f"the {kind} namespace of web is joined, and belongs to a user namespace around",
        fixes=[f"flags +{kind}"],
    )


@needs.NAMESPACES
def test_an_id_that_the_joined_namespace_does_not_have_is_mapped_to_the_own_one() -> None:
    teach(
        "flags +user",
        "map root",
        "start web",
        "reset",
        "join web",
        "flags +user",
        "map root",
        "user 5",
        "run true",
        call="setresuid(5, 5, 5) = -1 EINVAL",
        cause="uid 5 cannot be had: the user namespace does not map it; you can map your own id to it",
        fixes=["uidmap 5 0 1"],
    )


def test_a_user_namespace_that_maps_nobody_takes_no_other() -> None:
    lesson = teach(
        "flags +user",
        "start web",
        "reset",
        "join web",
        "flags +user",
        "run true",
        call="unshare(CLONE_NEWUSER) = -1 EPERM",
        cause="that takes a map before web is started, such as map root",
        fixes=["flags -user"],
    )
    assert "does not map uid" in lesson.cause
