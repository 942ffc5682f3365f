"""Diagnoses of mounts that are refused, and of propagation, each cause made for real."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import needs
from tests.diagnosis import teach
from tests.runs import sh
from tests.unprivileged import UID, unprivileged_command


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
        cause=f" {kind} namespace, and here it is still that of the host",
        fixes=[f"flags +{kind}"],
    )


@needs.NAMESPACES
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
        fixes=["flags -user"],
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
        fixes=["reset mounts", "mount tmpfs /srv", "mount tmpfs /mnt"],
    )


@needs.AROUND
def test_a_masked_proc_as_root() -> None:
    teach(
        "flags +user +mnt +pid",
        "map root",
        "mount proc /proc",
        "run true",
        before=["unshare", "-mpf", "--mount-proc", *sh("mount --bind /dev/null /proc/meminfo")],
        call='mount("proc", "/proc", "proc", 0, NULL) = -1 EPERM',
        cause="part of /proc is covered here (/proc/meminfo), as in a container",
        fixes=["flags -user", "reset map"],
    )


@needs.AROUND
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
        fixes=["reset mounts", "mount tmpfs /mnt"],
    )


@needs.AROUND
def test_a_masked_proc_for_root_of_a_container() -> None:
    teach(
        "flags +mnt",
        "mount proc /mnt",
        "run true",
        before=["unshare", "-m", *sh("mount --bind /dev/null /proc/meminfo"), "unshare", "-rmpf"],
        call='mount("proc", "/mnt", "proc", 0, NULL) = -1 EPERM',
        cause="part of /proc is covered here",
        fixes=["reset mounts"],
    )


@needs.AROUND
@pytest.mark.parametrize("error", ["EPERM", "EACCES"])
@pytest.mark.parametrize(("call", "when"), [("mount", "2+"), ("sethostname", "1")])
def test_rights_taken_by_apparmor_with_a_sysctl_file_put_there_and_an_injected_errno(
    call: str, when: str, error: str
) -> None:
    name = "apparmor_restrict_unprivileged_userns"
    put = f"mount -t tmpfs none /proc/sys/kernel; echo 1 > /proc/sys/kernel/{name}"
    strace = (
        f"strace -f -qq -o /dev/null -e trace={call} -e inject={call}:error={error}:when={when}"
    )
    lesson = teach(
        "flags +user +mnt +uts",
        "mount tmpfs /mnt",
        "hostname x",
        "run true",
        before=["unshare", "-m", *sh(put)],
        start=[*strace.split(), *unprivileged_command()],
        call=f"= -1 {error}",
        cause=f"kernel.{name} is 1 on this machine: only root may have rights in user namespaces",
        works=False,
    )
    assert f"sysctl -w kernel.{name}=0" in lesson.cause
    write, load, leave = lesson.fixes
    assert " { userns, }' | " in write
    assert "apparmor_parser -r /etc/apparmor.d/nsh" in load
    assert leave == "quit"


@needs.AROUND
def test_a_read_only_proc() -> None:
    teach(
        "flags +user +mnt +pid",
        "mount proc /mnt",
        "run true",
        before=["unshare", "-m", *sh("mount -o remount,bind,ro /proc")],
        start=unprivileged_command(),
        call="= -1 EPERM",
        cause="/proc is mounted ro here, and in a user namespace a new proc may not be less strict",
        fixes=["reset mounts", "mount proc /mnt -o ro"],
    )


@needs.AROUND
def test_locked_flags_of_a_bind_mount(place: Path) -> None:
    teach(
        "flags +user +mnt",
        "mount tmpfs /srv",
        f"mount bind {place} /mnt -o ro",
        "run true",
        before=["unshare", "-m", *sh(f"mount -t tmpfs -o nosuid,nodev,noexec none {place}")],
        call='mount("none", "/mnt", NULL, MS_RDONLY|MS_REMOUNT|MS_BIND, NULL) = -1 EPERM',
        cause=f"{place} is mounted nosuid,nodev,noexec outside",
        fixes=[
            "reset mounts",
            "mount tmpfs /srv",
            f"mount bind {place} /mnt -o ro,nosuid,nodev,noexec",
        ],
    )


@needs.AROUND
def test_a_locked_read_only_flag(place: Path) -> None:
    teach(
        "flags +user +mnt",
        f"mount bind {place} /mnt -o nosuid",
        "run true",
        before=["unshare", "-m", *sh(f"mount -t tmpfs -o ro,noatime none {place}")],
        call="MS_REMOUNT|MS_BIND, NULL) = -1 EPERM",
        cause=f"{place} is mounted ro",
    )


@needs.AROUND
@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("remount,bind,exec", "remount,bind,nosuid,nodev,noexec"),
        ("remount,bind,ro", "remount,bind,ro,nosuid,nodev,noexec"),
        ("remount,bind,rw,nodev", "remount,bind,rw,nodev,nosuid,noexec"),
        ("remount,bind,noatime", "remount,bind,nosuid,nodev,noexec,relatime"),
    ],
)
@pytest.mark.parametrize("kind", ["bind", "rbind"])
def test_a_remount_that_drops_locked_flags_of_what_was_bound(
    place: Path, kind: str, options: str, kept: str
) -> None:
    teach(
        "flags +user +mnt",
        f"mount {kind} {place} /mnt",
        f"mount none /mnt -o {options}",
        "run true",
        before=["unshare", "-m", *sh(f"mount -t tmpfs -o nosuid,nodev,noexec none {place}")],
        call="|MS_BIND",
        cause=f"{place} is mounted nosuid,nodev,noexec",
        fixes=["reset mounts", f"mount {kind} {place} /mnt", f"mount none /mnt -o {kept}"],
    )


@needs.AROUND
def test_a_remount_of_the_file_system_keeps_the_locked_flags(place: Path) -> None:
    teach(
        "flags +user +mnt",
        f"mount none {place} -o remount,ro",
        "run true",
        before=["unshare", "-m", *sh(f"mount -t tmpfs -o nosuid,noatime none {place}")],
        call="= -1 EPERM",
        cause="belongs to the user namespace outside",
        fixes=["reset mounts", f"mount none {place} -o remount,ro,bind,nosuid,noatime"],
    )


def test_a_remount_of_a_file_system_from_outside() -> None:
    teach(
        "flags +user +mnt",
        "mount none /dev/shm -o remount,ro",
        "run true",
        call="= -1 EPERM",
        cause="belongs to the user namespace outside",
        fixes=["reset mounts", "mount none /dev/shm -o remount,ro,bind"],
    )


@needs.OWNER
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
        fixes=["uidmap 0 0 4294967295", "gidmap 0 0 4294967295"],
    )


@needs.ANOTHER
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
            fixes=[f"!mkdir /tmp/{name}", "reset mounts", f"mount tmpfs /tmp/{name}"],
        )
    finally:
        os.rmdir(f"/tmp/{name}")


# Propagation.


@needs.AROUND
def test_propagation_in_a_chroot_into_a_plain_directory(place: Path) -> None:
    build = (
        f"mount -t tmpfs none {place}; mkdir {place}/root; cd {place}/root\n"
        'for d in /*; do if [ -L "$d" ]; then cp -P "$d" .; elif [ -d "$d" ]; then\n'
        'mkdir ".$d"; mount --rbind "$d" ".$d"; fi; done'
    )
    teach(
        "flags +mnt",
        "run true",
        before=["unshare", "-m", *sh(build), "chroot", f"{place}/root"],
        call='mount("none", "/", NULL, MS_REC|MS_PRIVATE, NULL) = -1 EINVAL',
        cause="nsh runs in a chroot whose / is a plain directory and no mount point",
        fixes=["propagation unchanged"],
    )
