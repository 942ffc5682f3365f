"""mount(8)'s options: the flags of each, and what the kernel then shows in /proc/self/mountinfo."""

from __future__ import annotations

import pytest

from nsh.linux.mountflags import OPTIONS, parse_options
from tests import needs
from tests.conftest import nsh

OPPOSITES = {
    "rw": "ro",
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "async": "sync",
    "nomand": "mand",
    "atime": "noatime",
    "diratime": "nodiratime",
    "norelatime": "relatime",
    "nostrictatime": "strictatime",
    "nolazytime": "lazytime",
    "symfollow": "nosymfollow",
    "loud": "silent",
}


def test_the_later_of_two_opposites_counts() -> None:
    assert OPPOSITES.keys() == {name for name, (_, off) in OPTIONS.items() if off}
    for off, on in OPPOSITES.items():
        flag, data = parse_options(on)
        assert flag
        assert parse_options(f"{on},{off}") == (0, data)
        assert parse_options(f"{off},{on}") == (flag, data)


@needs.NAMESPACES
@pytest.mark.parametrize("what", ["tmpfs", "bind /etc"])
@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("ro", "ro,relatime"),
        ("nosuid,nodev,noexec", "rw,nosuid,nodev,noexec,relatime"),
        ("noatime", "rw,noatime"),
        ("nodiratime", "rw,nodiratime,relatime"),
        ("strictatime", "rw"),
        ("nosuid,suid,ro,rw", "rw,relatime"),
    ],
)
def test_the_kernel_takes_the_flags_of_one_mount(what: str, options: str, shown: str) -> None:
    lines = [
        "flags +mnt",
        f"mount {what} /mnt -o {options}",
        "sh grep ' /mnt ' /proc/self/mountinfo",
    ]
    result = nsh("-c", "\n".join(lines))
    assert result.stdout.split()[5] == shown, result
