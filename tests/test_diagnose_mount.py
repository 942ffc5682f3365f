"""Diagnoses of mount and umount2, each cause made for real unless the name of the test says how."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.diagnosis import session, teach
from tests.test_diagnose_unshare import sh
from tests.unprivileged import UID, unprivileged_command


def test_a_target_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount tmpfs {place}/new",
        "run true",
        call=f'mount("none", "{place}/new", "tmpfs", 0, NULL) = -1 ENOENT (No such file',
        cause=f"there is no directory {place}/new to mount on",
        mends=[f"!mkdir {place}/new"],
    )


def test_a_deep_target_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount tmpfs '{place}/a b/c'",
        "run true",
        call="= -1 ENOENT",
        cause=f"there is no directory {place}/a b/c to mount on",
        mends=[f"!mkdir -p '{place}/a b/c'"],
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
            mends=[
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
        mends=[f"!touch {place}/file"],
    )


def test_a_source_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount bind {place}/from /srv",
        "run true",
        call="MS_BIND, NULL) = -1 ENOENT",
        cause=f"there is no {place}/from to bind",
        mends=[f"!mkdir {place}/from"],
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
        mends=[
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
        mends=["reset mounts", "mount tmpfs /srv"],
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
        mends=[
            "reset mounts",
            f"mount tmpfs {place}",
            f"sh mkdir -p {place}/in && {made.format(place)}",
        ],
    )
    out, said = session(["flags +mnt", *lesson.mends])
    assert "[" not in out
    assert not said


def test_a_target_that_is_a_dangling_link(place: Path) -> None:
    (place / "link").symlink_to(place / "nowhere")
    teach(
        "flags +mnt",
        f"mount tmpfs {place}/link",
        "run true",
        call="= -1 ENOENT",
        cause=f"{place}/link is a symbolic link to {place}/nowhere, which is not there",
        mends=[f"!mkdir {place}/nowhere"],
    )


def test_a_device_that_is_not_there() -> None:
    teach(
        "flags +mnt",
        "mount ext4 /dev/nosuch /mnt",
        "run true",
        call='mount("/dev/nosuch", "/mnt", "ext4", 0, NULL) = -1 ENOENT',
        cause="there is no device /dev/nosuch here",
        mends=["reset mounts", "mount tmpfs /mnt"],
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
            mends=[f"!mkdir /tmp/{name}", "reset mounts", f"mount tmpfs /tmp/{name}"],
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
        mends=[
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
            mends=[f"!mkdir /tmp/{name}", "reset mounts", f"mount bind /etc /tmp/{name}"],
        )
    finally:
        os.rmdir(f"/tmp/{name}")


@pytest.mark.parametrize(("typed", "meant"), [("tempfs", "tmpfs"), ("nosuchatall", "tmpfs")])
def test_an_unknown_file_system(typed: str, meant: str) -> None:
    teach(
        "flags +mnt",
        f"mount {typed} /mnt",
        "run true",
        call=f'mount("{typed}", "/mnt", "{typed}", 0, NULL) = -1 ENODEV (No such device)',
        cause=f"this kernel knows no file system {typed}: it is not in /proc/filesystems",
        mends=["reset mounts", f"mount {meant} /mnt"],
    )


@pytest.mark.parametrize(
    ("source", "cause", "mend"),
    [
        ("/etc", "/etc is a directory; a bind mount", "mount bind /etc /mnt"),
        ("/dev/null", "/dev/null is none", "mount tmpfs /mnt"),
    ],
)
def test_no_block_device(source: str, cause: str, mend: str) -> None:
    teach(
        "flags +mnt",
        f"mount ext4 {source} /mnt",
        "run true",
        call="= -1 ENOTBLK (Block device required)",
        cause=cause,
        mends=["reset mounts", mend],
    )


def test_the_same_file_system_twice_in_one_place() -> None:
    teach(
        "flags +mnt",
        "mount sysfs /sys",
        "run true",
        call="= -1 EBUSY (Device or resource busy)",
        cause="a new net namespace has its own",
        mends=["flags +net"],
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
        mends=["reset mounts", "mount bind / /mnt -o ro"],
    )


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ("nosuch=1", "mount tmpfs /mnt"),
        ("size=abc,nosuid", "mount tmpfs /mnt -o nosuid"),
    ],
)
def test_options_that_the_file_system_does_not_understand(options: str, mend: str) -> None:
    teach(
        "flags +mnt",
        f"mount tmpfs /mnt -o {options}",
        "run true",
        call="= -1 EINVAL (Invalid argument)",
        cause="tmpfs does not understand its options",
        mends=["reset mounts", mend],
    )


def test_overlay_without_its_directories() -> None:
    teach(
        "flags +mnt",
        "mount overlay /mnt",
        "run true",
        call='"overlay", 0, NULL) = -1 EINVAL',
        cause="must be told which: lowerdir=TOP:BELOW",
        mends=["reset mounts", "mount overlay /mnt -o lowerdir=/etc:/usr"],
    )


def test_a_remount_of_what_is_no_mount_point() -> None:
    teach(
        "flags +mnt",
        "mount bind /srv /srv -o remount,ro",
        "run true",
        call="MS_RDONLY|MS_REMOUNT|MS_BIND, NULL) = -1 EINVAL",
        cause="/srv is no mount point, and this changes a mount",
        mends=["reset mounts", "mount bind /srv /srv", "mount bind /srv /srv -o remount,ro"],
    )


def test_a_move_of_what_is_no_mount_point() -> None:
    teach(
        "flags +mnt",
        "mount none /srv /mnt -o move",
        "run true",
        call="MS_MOVE, NULL) = -1 EINVAL",
        cause="/srv is no mount point",
        mends=["reset mounts", "mount bind /srv /srv", "mount none /srv /mnt -o move"],
    )


def test_a_locked_mount_that_is_moved() -> None:
    teach(
        "flags +mnt +user",
        "mount none /dev/shm /mnt -o move",
        "run true",
        call="MS_MOVE, NULL) = -1 EINVAL",
        cause="locked to its place",
        mends=["reset mounts", "mount rbind /dev/shm /mnt"],
    )


def test_a_bind_that_would_uncover_locked_mounts() -> None:
    teach(
        "flags +mnt +user",
        "map root",
        "mount bind /dev /mnt -o nosuid",
        "run true",
        call='mount("/dev", "/mnt", NULL, MS_BIND, NULL) = -1 EINVAL',
        cause="in a user namespace they may not be left out",
        mends=["reset mounts", "mount rbind /dev /mnt -o nosuid"],
    )


def test_an_unbindable_source() -> None:
    teach(
        "flags +mnt",
        "mount bind /srv /srv -o ro,unbindable",
        "mount bind /srv /mnt",
        "run true",
        call="MS_BIND, NULL) = -1 EINVAL",
        cause="you made the mount on /srv unbindable",
        mends=["reset mounts", "mount bind /srv /srv -o ro", "mount bind /srv /mnt"],
    )


# In a user namespace.


@pytest.mark.parametrize(
    ("fstype", "kind"),
    [("proc", "pid"), ("sysfs", "net"), ("mqueue", "ipc"), ("cgroup2", "cgroup")],
)
def test_what_needs_a_namespace_of_its_own(fstype: str, kind: str) -> None:
    teach(
        "flags +user +mnt",
        "map root",
        f"mount {fstype} /mnt",
        "run true",
        call="= -1 EPERM (Operation not permitted)",
        cause=f"may mount only that of a {kind} namespace of its own",
        mends=[f"flags +{kind}"],
    )


@pytest.mark.parametrize("fstype", ["devtmpfs", "debugfs", "hugetlbfs", "bpf"])
def test_a_file_system_that_no_user_namespace_may_mount(fstype: str) -> None:
    known = Path("/proc/filesystems").read_text().split()
    if fstype not in known:
        pytest.skip(f"this kernel has no {fstype}")
    teach(
        "flags +user +mnt",
        f"mount {fstype} /mnt",
        "run true",
        call="= -1 EPERM",
        cause=f"the kernel lets no user namespace mount {fstype}; as root you can do without +user",
        mends=["flags -user"],
    )


def test_a_file_system_that_no_user_namespace_may_mount_as_an_ordinary_user() -> None:
    teach(
        "flags +user +mnt",
        "mount tmpfs /srv",
        "mount devtmpfs /mnt",
        "run true",
        start=unprivileged_command(),
        call="= -1 EPERM",
        cause="the kernel lets no user namespace mount devtmpfs; tmpfs is one that it may",
        mends=["reset mounts", "mount tmpfs /srv", "mount tmpfs /mnt"],
    )


def test_a_masked_proc_as_root() -> None:
    teach(
        "flags +user +mnt +pid",
        "map root",
        "mount proc /proc",
        "run true",
        before=["unshare", "-mpf", "--mount-proc", *sh("mount --bind /dev/null /proc/meminfo")],
        call='mount("proc", "/proc", "proc", 0, NULL) = -1 EPERM',
        cause="part of /proc is covered here (/proc/meminfo), as in a container",
        mends=["flags -user", "reset map"],
    )


def test_a_masked_proc_as_an_ordinary_user() -> None:
    teach(
        "flags +user +mnt +pid",
        "map root",
        "mount tmpfs /mnt",
        "mount proc /proc",
        "run true",
        before=["unshare", "-mpf", "--mount-proc", *sh("mount --bind /dev/null /proc/meminfo")],
        start=unprivileged_command(),
        call='mount("proc", "/proc", "proc", 0, NULL) = -1 EPERM',
        cause="part of /proc is covered here (/proc/meminfo), as in a container",
        mends=["reset mounts", "mount tmpfs /mnt"],
    )


def test_a_read_only_proc() -> None:
    teach(
        "flags +user +mnt +pid",
        "mount proc /mnt",
        "run true",
        before=["unshare", "-m", *sh("mount -o remount,bind,ro /proc")],
        start=unprivileged_command(),
        call="= -1 EPERM",
        cause="/proc is mounted ro here, and in a user namespace a new proc may not be less strict",
        mends=["reset mounts", "mount proc /mnt -o ro"],
    )


def test_locked_flags_of_a_bind_mount(place: Path) -> None:
    teach(
        "flags +user +mnt",
        "mount tmpfs /srv",
        f"mount bind {place} /mnt -o ro",
        "run true",
        before=["unshare", "-m", *sh(f"mount -t tmpfs -o nosuid,nodev,noexec none {place}")],
        call='mount("none", "/mnt", NULL, MS_RDONLY|MS_REMOUNT|MS_BIND, NULL) = -1 EPERM',
        cause=f"{place} is mounted nosuid,nodev,noexec outside",
        mends=[
            "reset mounts",
            "mount tmpfs /srv",
            f"mount bind {place} /mnt -o ro,nosuid,nodev,noexec",
        ],
    )


def test_a_locked_read_only_flag(place: Path) -> None:
    teach(
        "flags +user +mnt",
        f"mount bind {place} /mnt -o nosuid",
        "run true",
        before=["unshare", "-m", *sh(f"mount -t tmpfs -o ro,noatime none {place}")],
        call="MS_REMOUNT|MS_BIND, NULL) = -1 EPERM",
        cause=f"{place} is mounted ro",
    )


def test_a_remount_of_a_file_system_from_outside() -> None:
    teach(
        "flags +user +mnt",
        "mount none /dev/shm -o remount,ro",
        "run true",
        call="= -1 EPERM",
        cause="belongs to the user namespace outside",
        mends=["reset mounts", "mount none /dev/shm -o remount,ro,bind"],
    )


def test_the_way_to_a_target_is_closed_to_root_in_a_user_namespace(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir()
    (closed / "in").mkdir()
    os.chown(closed, 1000, 1000)
    closed.chmod(0o700)
    teach(
        "flags +user +mnt",
        "map root",
        f"mount tmpfs {closed}/in",
        "run true",
        call="= -1 EACCES (Permission denied)",
        cause=f"{closed} is closed to others by its permissions",
        mends=["uidmap 0 0 4294967295", "gidmap 0 0 4294967295"],
    )


def test_the_way_to_a_target_is_closed_to_an_ordinary_user(place: Path) -> None:
    closed = place / "closed"
    name = f"in-{os.getpid()}"
    closed.mkdir()
    (closed / name).mkdir()
    closed.chmod(0o700)
    try:
        teach(
            "flags +user +mnt",
            "map root",
            f"mount tmpfs {closed}/{name}",
            "run true",
            start=unprivileged_command(),
            call="= -1 EACCES (Permission denied)",
            cause=f"uid {UID} may not go through the directory {closed}",
            mends=[f"!mkdir /tmp/{name}", "reset mounts", f"mount tmpfs /tmp/{name}"],
        )
    finally:
        os.rmdir(f"/tmp/{name}")


# umount.


def test_umount_of_what_is_no_mount() -> None:
    teach(
        "flags +mnt",
        "mount tmpfs /mnt",
        "umount /srv",
        "run true",
        call='umount2("/srv", 0) = -1 EINVAL (Invalid argument)',
        cause="nothing is mounted on /srv",
        mends=["reset mounts", "mount tmpfs /mnt"],
    )


def test_umount_of_what_is_not_there() -> None:
    teach(
        "flags +mnt",
        "umount /nosuch",
        "run true",
        call='umount2("/nosuch", 0) = -1 ENOENT',
        cause="there is no /nosuch",
        mends=["reset mounts"],
    )


def test_umount_of_a_locked_mount_as_root() -> None:
    teach(
        "flags +user +mnt",
        "map root",
        "umount /dev/shm",
        "run true",
        call='umount2("/dev/shm", 0) = -1 EINVAL',
        cause="was made outside of the user namespace and is locked inside it",
        mends=["flags -user", "reset map"],
    )


def test_umount_of_a_locked_mount_as_an_ordinary_user() -> None:
    teach(
        "flags +user +mnt",
        "map root",
        "umount /dev/shm -l",
        "run true",
        start=unprivileged_command(),
        call='umount2("/dev/shm", MNT_DETACH) = -1 EINVAL',
        cause="but it can be covered",
        mends=["reset mounts", "mount tmpfs /dev/shm"],
    )


def test_umount_of_a_mount_with_mounts_below() -> None:
    teach(
        "flags +mnt",
        "umount /dev",
        "run true",
        call='umount2("/dev", 0) = -1 EBUSY (Device or resource busy)',
        cause="is mounted below it",
        mends=["reset mounts", "umount /dev -l"],
    )


# Propagation.


def test_propagation_in_a_chroot_into_a_plain_directory(place: Path) -> None:
    build = (
        f"mount -t tmpfs none {place}; mkdir {place}/root; cd {place}/root\n"
        "for d in /*; do if [ -L $d ]; then cp -P $d .; elif [ -d $d ]; then mkdir .$d; fi; done\n"
        "for d in usr work root proc dev etc tmp; do [ ! -d $d ] || mount --rbind /$d $d; done"
    )
    teach(
        "flags +mnt",
        "run true",
        before=["unshare", "-m", *sh(build), "chroot", f"{place}/root"],
        call='mount("none", "/", NULL, MS_REC|MS_PRIVATE, NULL) = -1 EINVAL',
        cause="nsh runs in a chroot whose / is a plain directory and no mount point",
        mends=["propagation unchanged"],
    )
