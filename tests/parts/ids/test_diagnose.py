"""Diagnoses of the id maps, each cause made for real."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import NSH, nsh
from tests.diagnosis import teach
from tests.runs import sh
from tests.unprivileged import UID, unprivileged_command


@needs.IDS
@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("uidmap 0 0 5 3 10 1", "the ranges 0 0 5 and 3 10 1 overlap inside"),
        ("uidmap 0 0 1 5 0 1", "the ranges 0 0 1 and 5 0 1 overlap outside"),
        ("uidmap 0 0 0", "the range 0 0 0 maps 0 ids"),
        ("uidmap 4294967295 0 1", "goes past 4294967294 inside"),
        ("uidmap 0 4294967295 1", "goes past 4294967294 outside"),
        ("uidmap 0 5 4294967295", "goes past 4294967294 outside"),
    ],
)
def test_a_map_that_no_kernel_takes(line: str, cause: str) -> None:
    teach(
        "flags +user",
        line,
        "run true",
        call="= -1 EINVAL (Invalid argument)",
        cause=cause,
        fixes=["uidmap 0 0 1"],
    )


@needs.IDS
def test_more_than_340_ranges() -> None:
    numbers = " ".join([f"{id} {id} 1" for id in range(341)])
    teach(
        "flags +user",
        f"gidmap {numbers}",
        "run true",
        call="= -1 EINVAL (Invalid argument)",
        cause="at most 340 ranges, and this one has 341",
        fixes=["gidmap 0 0 1"],
    )


@pytest.mark.parametrize("kind", ["uid", "gid"])
def test_an_id_that_the_user_namespace_around_does_not_have(kind: str) -> None:
    teach(
        "flags +user",
        f"{kind}map 0 5 2",
        "run true",
        before=["unshare", "-r"],
        call="= -1 EPERM (Operation not permitted)",
        cause=f"{kind}s 5 to 6 cannot be mapped, because the user namespace that nsh runs in has"
        f" only {kind} 0",
        fixes=[f"{kind}map 0 0 1"],
    )


def test_a_gid_map_before_setgroups_is_denied() -> None:
    teach(
        "flags +user",
        "map root",
        "setgroups allow",
        "run true",
        start=unprivileged_command(),
        call=f'"0 {UID} 1\\n"',
        cause="without CAP_SETGID a gid_map is taken only after setgroups is denied",
        fixes=["setgroups deny"],
    )


def test_setgroups_denied_outside_already() -> None:
    teach(
        "flags +user",
        "setgroups allow",
        "run true",
        before=["unshare", "-r"],
        call='"allow", 5) = -1 EPERM',
        cause="setgroups is denied in the user namespace around this one already",
        fixes=["setgroups deny"],
    )


@needs.AROUND
def test_uid_0_without_the_capability_to_map_it() -> None:
    teach(
        "flags +user",
        "map root",
        "run true",
        before=["setpriv", "--bounding-set=-setfcap", "--inh-caps=-setfcap"],
        call='"0 0 1\\n", 6) = -1 EPERM',
        cause="CAP_SETFCAP",
        fixes=["map none"],
    )


@needs.AROUND
def test_newuidmap_is_not_installed() -> None:
    for program, kind in (("newuidmap", "uid"), ("newgidmap", "gid")):
        cover = (
            "mount -t tmpfs none /mnt; mkdir /mnt/upper /mnt/work\n"
            "mount -t overlay -o lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work x /usr/bin\n"
            f"rm /usr/bin/{program}"
        )
        teach(
            "flags +user",
            f"{kind}map 0 1 5",
            "run true",
            before=["unshare", "-m", *sh(cover)],
            start=unprivileged_command(gaining=True),
            call="execve(",
            cause=f"without privileges only {program} may map more than your own id, and it is not"
            " installed",
            fixes=[f"{kind}map 0 {UID} 1"],
        )


@needs.AROUND
def test_newuidmap_may_not_be_run() -> None:
    teach(
        "flags +user",
        "uidmap 0 1 5",
        "run true",
        before=["unshare", "-m", *sh("mount --bind /dev/null $(command -v newuidmap)")],
        start=unprivileged_command(gaining=True),
        call='/newuidmap", ["newuidmap"',
        cause="this user may not run it",
        fixes=[f"uidmap 0 {UID} 1"],
    )


def test_newuidmap_is_not_in_path() -> None:
    teach(
        "flags +user",
        "uidmap 0 1 5",
        "run /bin/true",
        start=["env", "PATH=/proc/nonexistent", *_absolute(unprivileged_command(gaining=True))],
        call='execve("/proc/nonexistent/newuidmap"',
        cause="which is not in PATH",
        fixes=[f"uidmap 0 {UID} 1"],
    )


def _absolute(words: Sequence[str]) -> list[str]:
    return [shutil.which(words[0]) or words[0], *words[1:]]


@needs.SUBORDINATE
def test_newuidmap_refuses_what_no_line_of_subuid_gives() -> None:
    teach(
        "flags +user",
        "uidmap 0 1 5",
        "run true",
        before=["unshare", "-m", *sh("mount --bind /dev/null /etc/subuid")],
        start=unprivileged_command(gaining=True),
        call="wait4(",
        cause="newuidmap maps only your own id and what /etc/subuid gives you, and it has no line",
        fixes=[f"uidmap 0 {UID} 1"],
    )


@needs.SUBORDINATE
def test_newuidmap_refuses_more_than_subuid_gives(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text(f"{UID}:100000:10\n")
    put = f"mount --bind {given} /etc/subuid; mount --bind {given} /etc/subgid"
    teach(
        "flags +user",
        "uidmap 0 100000 11",
        "run true",
        before=["unshare", "-m", *sh(put)],
        start=unprivileged_command(gaining=True),
        call="wait4(",
        cause="newuidmap maps only your own id and what /etc/subuid gives you: uid 100000 to 100009",
        fixes=["map auto"],
    )


@needs.AROUND
def test_no_proc_to_write_the_maps_into() -> None:
    teach(
        "flags +user",
        "map root",
        "run true",
        before=["unshare", "-m", *sh("umount -l /proc")],
        call='/setgroups", O_WRONLY|O_CLOEXEC) = -1 ENOENT',
        cause="no proc file system is mounted",
        fixes=["!mount -t proc proc /proc"],
    )


@needs.AROUND
@pytest.mark.parametrize(
    ("before", "cause", "fix"),
    [
        (["unshare", "-mpf"], "/proc still shows the one around it", "!mount -t proc proc /proc"),
        (["unshare", "-pf"], "leave, and start nsh with unshare --mount-proc", "quit"),
        (
            ["unshare", "-m", *sh("unshare -pf mount -t proc proc /proc")],
            "/proc shows another pid namespace",
            "quit",
        ),
    ],
    ids=["around", "around, to be left", "another"],
)
def test_no_map_is_written_to_another_process(before: list[str], cause: str, fix: str) -> None:
    lines = ["flags +user", "map root", "run id -u"]
    failed = nsh("-c", "\n".join(lines), before=before)
    assert cause in failed.stderr
    assert f"try: {fix}\n" in failed.stderr
    assert (failed.stdout, failed.returncode) == ("", 125)
    result = nsh("-c", "\n".join([*lines[:2], fix, lines[2]]), before=before)
    assert result.stdout == ("" if fix == "quit" else "0\n"), result


@needs.AROUND
@pytest.mark.parametrize(
    ("start", "fix"),
    [(NSH, "!mount -o remount,bind,rw /proc"), (None, "reset map")],
    ids=["root", "ordinary user"],
)
def test_a_read_only_proc(start: list[str] | None, fix: str) -> None:
    teach(
        "flags +user",
        "map root",
        "run true",
        before=["unshare", "-m", *sh("mount -o remount,bind,ro /proc")],
        start=start or unprivileged_command(),
        call="O_WRONLY|O_CLOEXEC) = -1 EROFS (Read-only file system)",
        cause="/proc is mounted read-only here",
        fixes=[fix],
    )


@needs.AROUND
@pytest.mark.parametrize(
    ("before", "cause"),
    [
        (["unshare", "-mpf"], "/proc still shows the one around it"),
        (["unshare", "-m", *sh("umount -l /proc")], "no proc file system is mounted"),
    ],
)
def test_ns_looks_at_no_other_process(before: list[str], cause: str) -> None:
    fix = "!mount -t proc proc /proc"
    failed = nsh("-c", "flags +uts; ns", before=before)
    assert cause in failed.stderr
    assert f"try: {fix}" in failed.stderr
    assert (failed.stdout, failed.returncode) == ("", 125)
    result = nsh("-c", fix, "-c", "flags +uts; ns", before=before)
    new = [line.split()[0] for line in result.stdout.splitlines() if line.endswith("new")]
    assert new == ["uts"], result
