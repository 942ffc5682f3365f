"""Diagnoses of mount, each cause made for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs
from tests.diagnosis import teach
from tests.runs import sh


@needs.NAMESPACES
def test_a_source_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount bind {place}/from /srv",
        "run true",
        call="MS_BIND, NULL) = -1 ENOENT",
        cause=f"there is no {place}/from to bind",
        fixes=[f"!mkdir {place}/from"],
    )


@needs.NAMESPACES
def test_a_source_that_an_earlier_mount_covers(place: Path) -> None:
    (place / "over").mkdir()
    (place / "over" / "from").mkdir()
    teach(
        "flags +mnt",
        "mount tmpfs /srv",
        f"mount tmpfs {place}/over",
        f"mount bind {place}/over/from /mnt",
        "run true",
        call="MS_BIND, NULL) = -1 ENOENT",
        cause=f"mount tmpfs on {place}/over was made before and covers it",
        fixes=[
            "reset mounts",
            "mount tmpfs /srv",
            f"mount bind {place}/over/from /mnt",
            f"mount tmpfs {place}/over",
        ],
    )


@needs.NAMESPACES
def test_a_source_in_a_new_and_empty_mount() -> None:
    teach(
        "flags +mnt",
        "mount tmpfs /srv",
        "mount bind /srv/from /mnt",
        "run true",
        call="= -1 ENOENT",
        cause="your tmpfs on /srv is new and empty",
        fixes=["reset mounts", "mount tmpfs /srv"],
    )


@needs.NAMESPACES
def test_a_device_that_is_not_there() -> None:
    teach(
        "flags +mnt",
        "mount ext4 /dev/nosuch /mnt",
        "run true",
        call='mount("/dev/nosuch", "/mnt", "ext4", 0, NULL) = -1 ENOENT',
        cause="there is no device /dev/nosuch here",
        fixes=["reset mounts", "mount tmpfs /mnt"],
    )


@needs.NAMESPACES
@pytest.mark.parametrize(("typed", "meant"), [("nfs4", "tmpfs"), ("smb3", "tmpfs")])
def test_an_unknown_file_system(typed: str, meant: str) -> None:
    teach(
        "flags +mnt",
        f"mount {typed} /mnt",
        "run true",
        call=f'mount("{typed}", "/mnt", "{typed}", 0, NULL) = -1 ENODEV (No such device)',
        cause=f"this kernel knows no file system {typed}: it is not in /proc/filesystems",
        fixes=["reset mounts", f"mount {meant} /mnt"],
    )


@needs.NAMESPACES
@pytest.mark.parametrize(
    ("source", "cause", "fix"),
    [
        ("/etc", "/etc is a directory; a bind mount", "mount bind /etc /mnt"),
        ("/dev/null", "/dev/null is none", "mount tmpfs /mnt"),
    ],
)
def test_no_block_device(source: str, cause: str, fix: str) -> None:
    teach(
        "flags +mnt",
        f"mount ext4 {source} /mnt",
        "run true",
        call="= -1 ENOTBLK (Block device required)",
        cause=cause,
        fixes=["reset mounts", fix],
    )


@needs.NAMESPACES
def test_the_same_file_system_twice_in_one_place() -> None:
    teach(
        "flags +mnt",
        "mount sysfs /sys",
        "run true",
        call="= -1 EBUSY (Device or resource busy)",
        cause="a new net namespace has its own",
        fixes=["flags +net"],
    )


@needs.NAMESPACES
def test_the_same_file_system_twice_that_no_namespace_makes_new(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount devtmpfs {place}",
        f"mount devtmpfs {place}",
        "run true",
        before=["unshare", "-m", *sh(f"mount -t devtmpfs none {place}")],
        call="= -1 EBUSY",
        cause=f"just this devtmpfs is mounted on {place} already",
        works=False,
    )


@needs.NAMESPACES
def test_the_same_file_system_queued_twice() -> None:
    teach(
        "flags +mnt",
        "mount mqueue /mnt",
        "mount mqueue /mnt",
        "run true",
        call="= -1 EBUSY",
        cause="you mount the same mqueue on /mnt twice",
        fixes=["reset mounts", "mount mqueue /mnt"],
    )


@needs.NAMESPACES
def test_a_device_that_is_mounted_writable_already() -> None:
    root = next(
        (
            line.split()[0]
            for line in Path("/proc/mounts").read_text().splitlines()
            if line.split()[1] == "/" and line.startswith("/dev/")
        ),
        None,
    )
    if root is None or not Path(root).is_block_device():
        pytest.skip("/ is not on a block device that can be named")
    teach(
        "flags +mnt",
        f"mount ext4 {root} /mnt -o ro",
        "run true",
        call="MS_RDONLY, NULL) = -1 EBUSY",
        cause=f"{root} is mounted on / already, writable",
        fixes=["reset mounts", "mount bind / /mnt -o ro"],
    )


@needs.NAMESPACES
@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ("nosuch=1", "mount tmpfs /mnt"),
        ("size=abc,nosuid", "mount tmpfs /mnt -o nosuid"),
    ],
)
def test_options_that_the_file_system_does_not_understand(options: str, fix: str) -> None:
    teach(
        "flags +mnt",
        f"mount tmpfs /mnt -o {options}",
        "run true",
        call="= -1 EINVAL (Invalid argument)",
        cause="tmpfs does not understand its options",
        fixes=["reset mounts", fix],
    )


@needs.NAMESPACES
def test_a_remount_of_what_is_no_mount_point() -> None:
    teach(
        "flags +mnt",
        "mount bind /srv /srv -o remount,ro",
        "run true",
        call="MS_RDONLY|MS_REMOUNT|MS_BIND, NULL) = -1 EINVAL",
        cause="/srv is no mount point, and this changes a mount",
        fixes=["reset mounts", "mount bind /srv /srv", "mount bind /srv /srv -o remount,ro"],
    )


@needs.NAMESPACES
def test_a_move_of_what_is_no_mount_point() -> None:
    teach(
        "flags +mnt",
        "mount none /srv /mnt -o move",
        "run true",
        call="MS_MOVE, NULL) = -1 EINVAL",
        cause="/srv is no mount point",
        fixes=["reset mounts", "mount bind /srv /srv", "mount none /srv /mnt -o move"],
    )


def test_a_locked_mount_that_is_moved() -> None:
    teach(
        "flags +mnt +user",
        "mount none /dev/shm /mnt -o move",
        "run true",
        call="MS_MOVE, NULL) = -1 EINVAL",
        cause="locked to its place",
        fixes=["reset mounts", "mount rbind /dev/shm /mnt"],
    )


def test_a_bind_that_would_uncover_locked_mounts() -> None:
    teach(
        "flags +mnt +user",
        "map root",
        "mount bind /dev /mnt -o nosuid",
        "run true",
        call='mount("/dev", "/mnt", NULL, MS_BIND, NULL) = -1 EINVAL',
        cause="in a user namespace they may not be left out",
        fixes=["reset mounts", "mount rbind /dev /mnt -o nosuid"],
    )


@needs.NAMESPACES
def test_an_unbindable_source() -> None:
    teach(
        "flags +mnt",
        "mount bind /srv /srv -o ro,unbindable",
        "mount bind /srv /mnt",
        "run true",
        call="MS_BIND, NULL) = -1 EINVAL",
        cause="you made the mount on /srv unbindable",
        fixes=["reset mounts", "mount bind /srv /srv -o ro", "mount bind /srv /mnt"],
    )


@needs.NAMESPACES
def test_a_device_that_is_not_there_and_whose_name_is_no_path() -> None:
    teach(
        "flags +mnt",
        "mount ext4 none.img /mnt",
        "run true",
        call='mount("none.img", "/mnt", "ext4", 0, NULL) = -1 ENOENT',
        cause="there is no device none.img here",
        fixes=["reset mounts", "mount tmpfs /mnt"],
    )
