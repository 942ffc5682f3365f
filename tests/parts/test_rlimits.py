"""Limits on resources: what the command has, and who may raise them."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.conftest import nsh
from tests.unprivileged import nsh_unprivileged


def test_the_command_has_the_limits_and_nsh_has_not() -> None:
    lines = ["rlimit nofile 64:128", "sh ulimit -Sn; ulimit -Hn", "rlimit nofile", "!ulimit -Hn"]
    own = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    result = nsh("-c", "\n".join([*lines, "show", "rlimit RLIMIT_NOFILE 70", "show"]))
    assert result.stdout.splitlines() == [
        *["64", "128", "rlimit nofile 64:128", str(own), "rlimit nofile 64:128"],
        "rlimit nofile 70",
    ]
    assert (result.stderr, result.returncode) == ("", 0)


def test_units_and_unlimited() -> None:
    result = nsh("-c", "rlimit fsize 1M:unlimited; rlimit core 2k; plan true")
    assert "prlimit64(0, RLIMIT_FSIZE, {rlim_cur=1024*1024, rlim_max=RLIM64_INFINITY}, NULL)" in (
        result.stdout
    )
    assert "prlimit64(0, RLIMIT_CORE, {rlim_cur=2*1024, rlim_max=2*1024}, NULL)" in result.stdout


def test_a_limit_bites() -> None:
    result = nsh(
        "-c", "rlimit fsize 0\nsh ulimit -f; (echo x > /tmp/none) 2>&1; echo $?; rm /tmp/none"
    )
    assert result.stdout.split()[0] == "0"
    assert result.stdout.split()[-1] == "153"  # SIGXFSZ
    listed = nsh("-c", "rlimit nproc 7; rlimit").stdout
    assert "rlimit nproc 7\n" in listed
    assert len(listed.splitlines()) == 15


@pytest.mark.parametrize("words", ["x 3", "nofile x", "nofile 3:2", "nofile unlimited:2", "nofile 1 2", "as 99999999999999999999", "as 20000000T"])  # fmt: skip
def test_what_is_no_limit(words: str) -> None:
    result = nsh("-c", f"rlimit {words}; show")
    assert result.stderr.startswith(
        "nsh: -c:1: rlimit: " if words != "nofile 1 2" else "nsh: -c:1:"
    )
    assert result.stdout == ""


@pytest.mark.parametrize("state", [[], ["flags +user", "map root"]])
def test_an_ordinary_user_may_not_raise_a_hard_limit(state: list[str]) -> None:
    own = nsh_unprivileged("-c", "rlimit core").stdout
    script = [*state, "rlimit core 0:unlimited", "run true"]
    before = ["prlimit", "--core=5:10"]
    result = nsh_unprivileged("-v", stdin="\n".join([*script, ""]), before=before)
    assert own
    assert "RLIM64_INFINITY}, NULL) = -1 EPERM (Operation not permitted)" in result.stderr
    assert "nsh's own hard limit is 10, and to raise a hard limit takes CAP_SYS_RESOURCE" in (
        result.stderr
    )
    assert "try: rlimit core 0:10" in result.stderr
    assert result.stdout.endswith("nsh> run true\n[125]\n")


def test_of_two_limits_the_one_that_failed_is_explained() -> None:
    script = ["rlimit nofile 10", "rlimit core 0:unlimited", "rlimit cpu 100", "run true", ""]
    result = nsh_unprivileged("-v", stdin="\n".join(script), before=["prlimit", "--core=5:10"])
    assert "try: rlimit core 0:10" in result.stderr


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        ("nofil 3", "rlimit nofile 3"),
        ("as 18446744073709551615", "rlimit as unlimited"),
        ("nofile 3:2", "rlimit nofile 2:3"),
    ],
)
def test_what_is_proposed_can_be_typed(typed: str, fix: str) -> None:
    result = nsh("-c", f"rlimit {typed}")
    assert result.stderr.endswith(f"try: {fix}\n")
    assert nsh("-c", fix).returncode == 0


def test_no_more_descriptors_than_the_machine_allows() -> None:
    most = Path("/proc/sys/fs/nr_open").read_text().strip()
    result = nsh("-c", f"rlimit nofile 5:{int(most) + 1}; run true")
    assert f"nobody may have more descriptors than fs.nr_open, which is {most}" in result.stderr
    assert result.stderr.endswith(f"try: rlimit nofile 5:{most}\n")
