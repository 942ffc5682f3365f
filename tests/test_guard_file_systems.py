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
