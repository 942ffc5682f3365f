"""Diagnoses of umount2, each cause made for real."""

from __future__ import annotations

from tests import needs
from tests.diagnosis import teach
from tests.unprivileged import unprivileged_command


@needs.NAMESPACES
def test_umount_of_what_is_no_mount() -> None:
    teach(
        "flags +mnt",
        "mount tmpfs /mnt",
        "umount /srv",
        "run true",
        call='umount2("/srv", 0) = -1 EINVAL (Invalid argument)',
        cause="nothing is mounted on /srv",
        fixes=["reset mounts", "mount tmpfs /mnt"],
    )


@needs.NAMESPACES
def test_many_mounts_are_not_all_listed_to_be_typed_again() -> None:
    teach(
        "flags +mnt",
        *["mount tmpfs /mnt"] * 21,
        "umount /srv",
        "run true",
        call='umount2("/srv", 0) = -1 EINVAL (Invalid argument)',
        cause="nothing is mounted on /srv",
        fixes=["reset mounts"],
    )


@needs.NAMESPACES
def test_umount_of_what_is_not_there() -> None:
    teach(
        "flags +mnt",
        "umount /nosuch",
        "run true",
        call='umount2("/nosuch", 0) = -1 ENOENT',
        cause="there is no /nosuch",
        fixes=["reset mounts"],
    )


@needs.AROUND
def test_umount_of_a_locked_mount_as_root() -> None:
    teach(
        "flags +user +mnt",
        "map root",
        "umount /dev/shm",
        "run true",
        call='umount2("/dev/shm", 0) = -1 EINVAL',
        cause="was made outside of the user namespace and is locked inside it",
        fixes=["flags -user", "reset map"],
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
        fixes=["reset mounts", "mount tmpfs /dev/shm"],
    )


@needs.NAMESPACES
def test_umount_of_a_mount_with_mounts_below() -> None:
    teach(
        "flags +mnt",
        "umount /dev",
        "run true",
        call='umount2("/dev", 0) = -1 EBUSY (Device or resource busy)',
        cause="is mounted below it",
        fixes=["reset mounts", "umount /dev -l"],
    )
