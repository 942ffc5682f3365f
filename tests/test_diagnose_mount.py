"""Diagnoses of mount and umount2, each cause made for real unless the name of the test says how."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.diagnosis import FAILED, session, teach
from tests.test_diagnose_unshare import sh
from tests.unprivileged import UID, unprivileged_command


def test_a_target_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount tmpfs {place}/new",
        "run true",
        call=f'mount("none", "{place}/new", "tmpfs", 0, NULL) = -1 ENOENT (No such file',
        cause=f"there is no directory {place}/new to mount on",
        fixes=[f"!mkdir {place}/new"],
    )


def test_a_deep_target_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount tmpfs '{place}/a b/c'",
        "run true",
        call="= -1 ENOENT",
        cause=f"there is no directory {place}/a b/c to mount on",
        fixes=[f"!mkdir -p '{place}/a b/c'"],
    )


def test_a_target_that_this_user_may_not_make(place: Path) -> None:
    name = f"nsh-{os.getpid()}"
    try:
        teach(
            "flags +mnt +user",
            "mount tmpfs /dev/shm",
            f"mount tmpfs {place}/{name}",
            "map root",
            "run true",
            start=unprivileged_command(),
            call="= -1 ENOENT",
            cause=f"and uid {UID} may not make it",
            fixes=[
                f"!mkdir /tmp/{name}",
                "reset mounts",
                "mount tmpfs /dev/shm",
                f"mount tmpfs /tmp/{name}",
            ],
        )
    finally:
        os.rmdir(f"/tmp/{name}")


def test_a_file_to_bind_on_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount bind /etc/passwd {place}/file",
        "run true",
        call="MS_BIND, NULL) = -1 ENOENT",
        cause=f"there is no file {place}/file to mount on",
        fixes=[f"!touch {place}/file"],
    )


def test_a_source_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount bind {place}/from /srv",
        "run true",
        call="MS_BIND, NULL) = -1 ENOENT",
        cause=f"there is no {place}/from to bind",
        fixes=[f"!mkdir {place}/from"],
    )


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


@pytest.mark.parametrize(
    ("mount", "made"),
    [
        ("tmpfs {0}/in -o size=1m", "mount -t tmpfs -o size=1m none {0}/in"),
        ("bind /etc {0}/in", "mount --bind /etc {0}/in"),
    ],
)
def test_a_target_in_a_new_and_empty_mount(place: Path, mount: str, made: str) -> None:
    (place / "in").mkdir()
    lesson = teach(
        "flags +mnt",
        f"mount tmpfs {place}",
        "mount " + mount.format(place),
        "run true",
        call="= -1 ENOENT",
        cause=f"there is no directory {place}/in inside, because your tmpfs on {place} is new",
        fixes=[
            "reset mounts",
            f"mount tmpfs {place}",
            f"sh mkdir -p {place}/in && {made.format(place)}",
        ],
    )
    out, said = session(["flags +mnt", *lesson.fixes])
    assert not FAILED.findall(out)
    assert not said


def test_a_target_that_is_a_dangling_link(place: Path) -> None:
    (place / "link").symlink_to(place / "nowhere")
    teach(
        "flags +mnt",
        f"mount tmpfs {place}/link",
        "run true",
        call="= -1 ENOENT",
        cause=f"{place}/link is a symbolic link to {place}/nowhere, which is not there",
        fixes=[f"!mkdir {place}/nowhere"],
    )


def test_a_device_that_is_not_there() -> None:
    teach(
        "flags +mnt",
        "mount ext4 /dev/nosuch /mnt",
        "run true",
        call='mount("/dev/nosuch", "/mnt", "ext4", 0, NULL) = -1 ENOENT',
        cause="there is no device /dev/nosuch here",
        fixes=["reset mounts", "mount tmpfs /mnt"],
    )


def test_a_target_that_is_a_file(place: Path) -> None:
    name = f"file-{os.getpid()}"
    (place / name).touch()
    try:
        teach(
            "flags +mnt",
            f"mount tmpfs {place}/{name}",
            "run true",
            call="= -1 ENOTDIR (Not a directory)",
            cause=f"{place}/{name} is not a directory, and tmpfs can be mounted on a directory only",
            fixes=[f"!mkdir /tmp/{name}", "reset mounts", f"mount tmpfs /tmp/{name}"],
        )
    finally:
        os.rmdir(f"/tmp/{name}")


def test_a_file_bound_on_a_directory(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount bind /etc/passwd {place} -o ro",
        "run true",
        call="= -1 ENOTDIR",
        cause=f"/etc/passwd is a file and {place} is a directory, and a file is bound on a file",
        fixes=[
            f"!touch {place}/passwd",
            "reset mounts",
            f"mount bind /etc/passwd {place}/passwd -o ro",
        ],
    )


def test_a_directory_bound_on_a_file(place: Path) -> None:
    name = f"dir-{os.getpid()}"
    (place / name).touch()
    try:
        teach(
            "flags +mnt",
            f"mount bind /etc {place}/{name}",
            "run true",
            call="= -1 ENOTDIR",
            cause=f"/etc is a directory and {place}/{name} is not",
            fixes=[f"!mkdir /tmp/{name}", "reset mounts", f"mount bind /etc /tmp/{name}"],
        )
    finally:
        os.rmdir(f"/tmp/{name}")


@pytest.mark.parametrize(
    ("mount", "make"), [("tmpfs", "!mkdir"), ("bind /etc/hosts", "!touch"), ("bind /etc", "!mkdir")]
)
def test_a_target_below_a_file(mount: str, make: str) -> None:
    target = f"/tmp/x-{os.getpid()}"
    try:
        teach(
            "flags +mnt",
            f"mount {mount} /etc/passwd{target}",
            "run true",
            call="= -1 ENOTDIR",
            cause="/etc/passwd is a file, so there is nothing below it",
            fixes=[f"{make} {target}", "reset mounts", f"mount {mount} {target}"],
        )
    finally:
        os.rmdir(target) if os.path.isdir(target) else os.unlink(target)


@pytest.mark.parametrize(("typed", "meant"), [("tempfs", "tmpfs"), ("nfs4", "tmpfs")])
def test_an_unknown_file_system(typed: str, meant: str) -> None:
    teach(
        "flags +mnt",
        f"mount {typed} /mnt",
        "run true",
        call=f'mount("{typed}", "/mnt", "{typed}", 0, NULL) = -1 ENODEV (No such device)',
        cause=f"this kernel knows no file system {typed}: it is not in /proc/filesystems",
        fixes=["reset mounts", f"mount {meant} /mnt"],
    )


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


def test_the_same_file_system_twice_in_one_place() -> None:
    teach(
        "flags +mnt",
        "mount sysfs /sys",
        "run true",
        call="= -1 EBUSY (Device or resource busy)",
        cause="a new net namespace has its own",
        fixes=["flags +net"],
    )


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


def test_overlay_without_its_directories() -> None:
    teach(
        "flags +mnt",
        "mount overlay /mnt",
        "run true",
        call='"overlay", 0, NULL) = -1 EINVAL',
        cause="must be told which: lowerdir=TOP:BELOW",
        fixes=["reset mounts", "mount overlay /mnt -o lowerdir=/etc:/usr"],
    )


def test_a_remount_of_what_is_no_mount_point() -> None:
    teach(
        "flags +mnt",
        "mount bind /srv /srv -o remount,ro",
        "run true",
        call="MS_RDONLY|MS_REMOUNT|MS_BIND, NULL) = -1 EINVAL",
        cause="/srv is no mount point, and this changes a mount",
        fixes=["reset mounts", "mount bind /srv /srv", "mount bind /srv /srv -o remount,ro"],
    )


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


@pytest.mark.parametrize(
    ("options", "cause", "fixes"),
    [
        ("lowerdir={d}/none:{d}/a", "there is no directory {d}/none for", ["!mkdir {d}/none"]),
        ("lowerdir=/etc/passwd:{d}/a", "/etc/passwd is no directory", ["reset mounts"]),
        (
            "lowerdir={d}/a",
            "there is only {d}/a",
            ["reset mounts", "mount bind {d}/a /mnt -o ro"],
        ),
        (
            "noexec,lowerdir={d}/a,upperdir={d}/b",
            "upperdir means nothing without workdir",
            [
                "!mkdir {d}/b.work",
                "reset mounts",
                "mount overlay /mnt -o noexec,lowerdir={d}/a,upperdir={d}/b,workdir={d}/b.work",
            ],
        ),
        (
            "lowerdir={d}/a,upperdir={d}/b,workdir=/dev/shm",
            "workdir /dev/shm is on another file system than upperdir {d}/b",
            [
                "!mkdir {d}/b.work",
                "reset mounts",
                "mount overlay /mnt -o lowerdir={d}/a,upperdir={d}/b,workdir={d}/b.work",
            ],
        ),
    ],
)
def test_what_the_directories_of_an_overlay_lack(
    options: str, cause: str, fixes: list[str], place: Path
) -> None:
    (place / "a").mkdir()
    (place / "b").mkdir()
    teach(
        "flags +mnt",
        "mount overlay /mnt -o " + options.replace("{d}", str(place)),
        "run true",
        call='mount("overlay", "/mnt", "overlay", ',
        cause=cause.replace("{d}", str(place)),
        fixes=[fix.replace("{d}", str(place)) for fix in fixes],
    )


def test_a_device_that_is_not_there_and_whose_name_is_no_path() -> None:
    teach(
        "flags +mnt",
        "mount ext4 none.img /mnt",
        "run true",
        call='mount("none.img", "/mnt", "ext4", 0, NULL) = -1 ENOENT',
        cause="there is no device none.img here",
        fixes=["reset mounts", "mount tmpfs /mnt"],
    )


def test_a_target_on_a_read_only_file_system() -> None:
    read_only = "mount -t tmpfs none /mnt && mount -o remount,ro /mnt && mount -B /mnt /tmp"
    name = f"nsh-{os.getpid()}"
    try:
        teach(
            "flags +mnt",
            f"mount tmpfs /mnt/{name}",
            "run true",
            before=["unshare", "-m", *sh(f"{read_only} && mount -B /mnt /var/tmp")],
            call=f'mount("none", "/mnt/{name}", "tmpfs", 0, NULL) = -1 ENOENT',
            cause="none can be made, because the file system there is read-only; /dev/shm is open",
            fixes=[
                f"!mkdir /dev/shm/{name}",
                "reset mounts",
                f"mount tmpfs /dev/shm/{name}",
            ],
        )
    finally:
        if os.path.isdir(f"/dev/shm/{name}"):
            os.rmdir(f"/dev/shm/{name}")
