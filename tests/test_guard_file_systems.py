"""The guards of the file systems that the host uses: tried in a mount namespace that can be spoilt."""

from __future__ import annotations

import pytest

from tests.conftest import nsh
from tests.test_diagnose_unshare import sh

TMPFS = ["unshare", "-m", *sh("mount -t tmpfs none /mnt")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("mount none /mnt -o remount,ro", "a remount without bind changes the file system on /mnt"),
        ("mount tmpfs /mnt -o remount,size=1m", "a remount without bind"),
        ("umount /", "umount2 does not take / away but makes its file system read-only"),
        ("umount /..//", "umount2 does not take / away"),
    ],
)
def test_the_file_system_of_the_host_is_not_changed(line: str, why: str) -> None:
    result = nsh(stdin=f"flags +mnt\n{line}\nrun true\n!grep ' /mnt ' /proc/mounts\n", before=TMPFS)
    assert why in result.stderr
    assert result.stdout.split()[3].startswith("rw,")
    assert "size=1024k" not in result.stdout


def test_the_mend_makes_one_mount_read_only() -> None:
    typed = "flags +mnt\nmount none /mnt -o remount,ro\nrun true\n"
    failed = nsh(stdin=typed, before=TMPFS)
    mends = [line.partition("try: ")[2] for line in failed.stderr.splitlines() if "try: " in line]
    assert mends == ["reset mounts", "mount bind /mnt /mnt -o remount,ro"]
    typed += "\n".join([*mends, "run touch /mnt/x", "!touch /mnt/y && ls /mnt", ""])
    result = nsh(stdin=typed, before=TMPFS)
    assert "touch: cannot touch '/mnt/x': Read-only file system" in result.stderr
    assert result.stdout == "y\n"


def test_what_was_mounted_new_inside_may_be_remounted() -> None:
    lines = ["flags +mnt", "mount tmpfs /mnt", "mount none /mnt -o remount,size=1m"]
    result = nsh("-c", "\n".join([*lines, "run grep ' /mnt ' /proc/mounts"]))
    assert "size=1024k" in result.stdout, result.stderr


@pytest.mark.parametrize("fstype", ["debugfs", "tracefs"])
def test_the_options_of_a_file_system_that_exists_once_are_not_changed(fstype: str) -> None:
    result = nsh(
        stdin=f"flags +mnt\nmount {fstype} /srv -o mode=701\nrun true\n!grep ' /mnt ' /proc/mounts\n",
        before=["unshare", "-m", *sh(f"mount -t {fstype} none /mnt")],
    )
    assert f"there is one {fstype} for all, so mode=701 would change for the host" in result.stderr
    assert f"try: mount {fstype} /srv\n" in result.stderr
    assert "mode=701" not in result.stdout


def test_what_was_mounted_new_may_be_covered_by_the_hosts() -> None:
    lines = ["flags +mnt", "mount tmpfs /mnt/new/x", "mount rbind /mnt/host /mnt/new"]
    lines += ["mount none /mnt/new/x -o remount,ro"]
    make = "mount -t tmpfs none /mnt && mkdir -p /mnt/new/x /mnt/host/x"
    result = nsh(
        stdin="\n".join([*lines, "run true", "!grep ' /mnt/host/x ' /proc/mounts", ""]),
        before=["unshare", "-m", *sh(f"{make} && mount -t tmpfs none /mnt/host/x")],
    )
    assert "a remount without bind changes the file system on /mnt/new/x" in result.stderr
    assert result.stdout.split()[3].startswith("rw,")
