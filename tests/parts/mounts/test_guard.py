"""The guards of the file systems that the host uses: tried in a mount namespace that can be spoilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs
from tests.conftest import nsh
from tests.runs import sh

TMPFS = ["unshare", "-m", *sh("mount -t tmpfs none /mnt")]


@needs.AROUND
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


@needs.AROUND
def test_the_mend_makes_one_mount_read_only() -> None:
    typed = "flags +mnt\nmount none /mnt -o remount,ro\nrun true\n"
    failed = nsh(stdin=typed, before=TMPFS)
    fixes = [line.partition("try: ")[2] for line in failed.stderr.splitlines() if "try: " in line]
    assert fixes == ["reset mounts", "mount bind /mnt /mnt -o remount,ro"]
    typed += "\n".join([*fixes, "run touch /mnt/x", "!touch /mnt/y && ls /mnt", ""])
    result = nsh(stdin=typed, before=TMPFS)
    assert "touch: cannot touch '/mnt/x': Read-only file system" in result.stderr
    assert result.stdout == "y\n"


@needs.NAMESPACES
def test_what_was_mounted_new_inside_may_be_remounted() -> None:
    lines = ["flags +mnt", "mount tmpfs /mnt", "mount none /mnt -o remount,size=1m"]
    result = nsh("-c", "\n".join([*lines, "run grep ' /mnt ' /proc/mounts"]))
    assert "size=1024k" in result.stdout, result.stderr


@needs.NAMESPACES
@pytest.mark.parametrize("fstype", ["debugfs", "tracefs"])
def test_the_options_of_a_file_system_that_exists_once_are_not_changed(fstype: str) -> None:
    result = nsh(
        stdin=f"flags +mnt\nmount {fstype} /srv -o mode=701\nrun true\n!grep ' /mnt ' /proc/mounts\n",
        before=["unshare", "-m", *sh(f"mount -t {fstype} none /mnt")],
    )
    assert f"there is one {fstype} for all, so mode=701 would change for the host" in result.stderr
    assert f"try: mount {fstype} /srv\n" in result.stderr
    assert "mode=701" not in result.stdout


@needs.AROUND
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


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["mount tmpfs /", "mount tmpfs / -o remount,ro"], "file system on / for the host too"),
        (["mount bind {d} /mnt", "umount /mnt/root"], "a link there may lead to /"),
        (["mount none {d} /mnt -o bind", "umount /mnt/root"], "a link there may lead to /"),
        (
            ["mount bind {d} /mnt", "mount bind /mnt /srv", "umount /srv/root"],
            "a link there may lead to /",
        ),
        (["mount proc /mnt", "umount /mnt/self/root"], "a link there may lead to /"),
        (
            ["mount bind {d} /mnt", "mount tmpfs /mnt/root", "mount none /mnt/root -o remount,ro"],
            "file system on /mnt/root for the host too",
        ),
        (
            ["mount tmpfs /sys /mnt -o move", "mount none /mnt -o remount,ro"],
            "file system on /mnt for the host too",
        ),
        (
            [
                "mount tmpfs /srv",
                "mount bind {d} /mnt",
                "mount bind /etc /mnt/srv",
                "mount none /srv -o remount,ro",
            ],
            "file system on /srv for the host too",
        ),
        (["mount cgroup /mnt -o none,name=nsh-test"], "made for all processes, the host's too"),
    ],
)
def test_no_way_leads_to_the_file_systems_of_the_host(
    lines: list[str], why: str, tmp_path: Path
) -> None:
    (tmp_path / "root").symlink_to("/")
    (tmp_path / "srv").symlink_to("/srv")
    typed = ["flags +mnt", *[line.replace("{d}", str(tmp_path)) for line in lines], "plan true"]
    result = nsh("-c", "\n".join(typed))
    assert why in result.stderr
    assert (result.stdout, result.returncode) == ("", 1)


@needs.AROUND
def test_what_lies_below_a_mount_may_be_unmounted_where_no_link_can_be() -> None:
    lines = ["flags +mnt", "mount rbind / /mnt", "umount /mnt/proc -l", "umount /mnt -l"]
    lines += ["mount bind /etc /mnt", "mount tmpfs /mnt/init.d", "umount /mnt/init.d"]
    result = nsh("-c", "\n".join([*lines, "run ls /mnt/passwd"]))
    assert (result.stdout, result.stderr) == ("/mnt/passwd\n", "")


@needs.AROUND
def test_without_proc_mounts_may_be_shared() -> None:
    lines = ["flags +mnt", "propagation unchanged", "run echo ran"]
    result = nsh("-c", "\n".join(lines), before=["unshare", "-m", *sh("umount -l /proc")])
    assert result.stdout == ""
    assert "without /proc it is not to be seen whether the mounts here are shared" in result.stderr
    result = nsh("-c", "\n".join([*lines[:2], "propagation private", lines[2]]))
    assert result.stdout == "ran\n"


def test_a_link_that_may_not_be_read_is_no_traceback() -> None:
    # In a new user namespace root may not follow the links of a process outside.
    lines = ["flags +mnt", "umount /proc/1/root", "plan true", "mount bind /proc/1/cwd /mnt"]
    lines += ["run true", "source /proc/1/root/none"]
    result = nsh("-c", "\n".join(lines), before=["unshare", "-Urm", "env"])
    assert "Traceback" not in result.stderr
    assert "cannot read /proc/1/root/none: Permission denied" in result.stderr
