"""What would reach the host is refused before any fork; with the namespace that it needs it runs."""

from __future__ import annotations

import pytest

from tests import needs
from tests.conftest import nsh

REFUSED = [
    ("hostname x", "sethostname would rename the host", "flags +uts"),
    ("domainname x", "setdomainname would rename the host", "flags +uts"),
    ("mount tmpfs /mnt", "the mounts would be made on the host", "flags +mnt"),
    ("umount /proc -l", "the mounts would be made on the host", "flags +mnt"),
    ("propagation slave", "the propagation of the host's mounts would change", "flags +mnt"),
    ("propagation shared", "the propagation of the host's mounts would", "flags +mnt"),
    ("uidmap 0 0 1", "ids are mapped in a new user namespace only", "flags +user"),
    ("gidmap 0 0 1", "ids are mapped in a new user namespace only", "flags +user"),
    ("setgroups allow", "ids are mapped in a new user namespace only", "flags +user"),
]


def rights(line: str, fix: str) -> tuple[pytest.MarkDecorator, ...]:
    if "idmap 0 0" in line:
        return (needs.IDS,)
    return () if "shared" in line else needs.rights(fix)


@pytest.mark.parametrize(
    ("line", "why", "fix"),
    [pytest.param(line, why, fix, marks=rights(line, fix)) for line, why, fix in REFUSED],
)
def test_what_would_reach_the_host_is_refused(line: str, why: str, fix: str) -> None:
    refused = nsh("-x", "-c", f"{line}\nrun echo ran")
    assert (refused.returncode, refused.stdout) == (125, "")
    cause, last = refused.stderr.splitlines()  # and no system call before them
    assert why in cause
    assert last == f"nsh: -c:2: try: {fix}"
    # Only in a new user namespace can what is shared inside not reach the host.
    more = " +user" if "shared" in line else ""
    mended = nsh("-c", f"{line}\n{fix}{more}\nrun echo ran")
    assert (mended.returncode, mended.stdout, mended.stderr) == (0, "ran\n", "")
