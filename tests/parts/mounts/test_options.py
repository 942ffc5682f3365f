"""The options that a diagnosis puts into a mount: those that say the opposite are taken out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnosis import teach

OPPOSITES = {"ro": "rw", "nosuid": "suid", "nodev": "dev", "noexec": "exec"}


def outside(flags: str, place: Path) -> list[str]:
    """A mount namespace in which the place is mounted with these flags."""
    mount = f'mount -t tmpfs -o {flags} none {place}; exec "$@"'
    return ["unshare", "-m", "sh", "-ec", mount, "sh"]


@pytest.mark.parametrize("flag", OPPOSITES)
def test_the_opposite_of_a_locked_flag_is_taken_out(flag: str, place: Path) -> None:
    teach(
        "flags +user +mnt",
        f"mount bind {place} /mnt -o noatime,{OPPOSITES[flag]},sync",
        "run true",
        before=outside(f"{flag},noatime", place),
        call="= -1 EPERM",
        cause="inside a user namespace these flags are locked",
        fixes=["reset mounts", f"mount bind {place} /mnt -o noatime,sync,{flag}"],
    )


def test_only_the_opposites_of_what_is_put_in_are_taken_out(place: Path) -> None:
    teach(
        "flags +user +mnt",
        f"mount bind {place} /mnt -o nosuid,rw,dev,exec",
        "run true",
        before=outside("ro,noexec", place),
        call="= -1 EPERM",
        cause=f"{place} is mounted ro,noexec outside",
        fixes=["reset mounts", f"mount bind {place} /mnt -o nosuid,dev,ro,noexec"],
    )


@pytest.mark.parametrize(
    ("given", "there", "named", "left"),
    [
        ("noatime", "nosuid", "nosuid,relatime", "nosuid,relatime"),
        ("ro,noatime,nodiratime", "relatime", "relatime", "ro,relatime"),
        ("relatime,ro", "strictatime", "strictatime", "ro,strictatime"),
        ("strictatime", "noatime", "noatime", "noatime"),
        ("nodiratime", "noatime", "noatime", "noatime"),
        ("strictatime,rw", "ro,relatime", "ro,relatime", "ro,relatime"),
    ],
)
def test_how_access_times_are_kept_is_locked_as_well(
    given: str, there: str, named: str, left: str, place: Path
) -> None:
    teach(
        "flags +user +mnt",
        f"mount bind {place} /mnt -o {given}",
        "run true",
        before=outside(there, place),
        call="= -1 EPERM",
        cause=f"{place} is mounted {named} outside",
        fixes=["reset mounts", f"mount bind {place} /mnt -o {left}"],
    )


def test_a_flag_that_is_named_already_is_not_named_twice(place: Path) -> None:
    teach(
        "flags +user +mnt",
        f"mount bind {place} /mnt -o ro,suid",
        "run true",
        before=outside("ro,nosuid,nodev", place),
        call="= -1 EPERM",
        cause=f"{place} is mounted ro,nosuid,nodev outside",
        fixes=["reset mounts", f"mount bind {place} /mnt -o ro,nosuid,nodev"],
    )


def test_a_new_proc_where_the_old_one_is_read_only() -> None:
    mount = 'mount -o remount,bind,ro /proc; exec "$@"'
    teach(
        "flags +user +mnt +pid",
        "mount proc /mnt -o rw,nosuid",
        "run true",
        before=["unshare", "-m", "sh", "-ec", mount, "sh"],
        call="= -1 EPERM",
        cause="/proc is mounted ro here, and in a user namespace a new proc may not be less strict",
        fixes=["reset mounts", "mount proc /mnt -o nosuid,ro"],
    )
