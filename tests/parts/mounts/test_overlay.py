"""Diagnoses of overlay mounts, each cause made for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs
from tests.diagnosis import teach


@needs.NAMESPACES
def test_overlay_without_its_directories() -> None:
    teach(
        "flags +mnt",
        "mount overlay /mnt",
        "run true",
        call='"overlay", 0, NULL) = -1 EINVAL',
        cause="must be told which: lowerdir=TOP:BELOW",
        fixes=["reset mounts", "mount overlay /mnt -o lowerdir=/etc:/usr"],
    )


@needs.NAMESPACES
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
