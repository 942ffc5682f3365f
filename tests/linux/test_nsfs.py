"""How namespaces are related: what the kernel is asked, and what it does not tell."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import subprocess
from pathlib import Path

import pytest

from nsh.linux.namespaces import NAMESPACES
from nsh.linux.nsfs import Ns, Survey, kind_of, survey
from nsh.linux.processes import shown
from tests import needs
from tests.runs import until
from tests.spaces import inode, inside
from tests.unprivileged import UID, open_checkout, open_nsh, ordinary_user

ME = os.getpid()
KINDS = [kind.name for kind in NAMESPACES if os.path.exists(f"/proc/self/ns/{kind.proc}")]


def at(found: Survey, number: int) -> Ns:
    [ns] = [ns for ns in found.namespaces if ns.inode == number]
    return ns


def of(found: Survey, pid: int, kind: str) -> Ns:
    [ns] = [ns for ns in found.namespaces if ns.kind == kind and pid in ns.pids]
    return ns


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_a_descriptor(kind: str) -> None:
    fd = os.open(f"/proc/self/ns/{kind}", os.O_RDONLY)
    try:
        assert kind_of(fd) == kind
    finally:
        os.close(fd)


def test_a_file_is_of_no_kind() -> None:
    with (
        open(os.devnull) as file,
        pytest.raises(OSError, match=re.escape(os.strerror(errno.ENOTTY))),
    ):
        kind_of(file.fileno())


def test_this_process_is_in_one_namespace_of_each_kind() -> None:
    found = survey([ME])
    assert sorted(ns.kind for ns in found.namespaces if ME in ns.pids) == sorted(KINDS)
    for ns in found.namespaces:
        assert ns.link == os.readlink(f"/proc/self/ns/{ns.kind}")
    assert found.unseen == 0


@needs.NAMESPACES
def test_pid_namespaces_in_each_other() -> None:
    fork = ["unshare", "--pid", "--fork", "--kill-child"]
    with inside(*fork * 5) as deep:
        found = survey([ME, deep])
        chain = [of(found, deep, "pid")]
        while chain[-1].parent is not None:
            chain.append(at(found, chain[-1].parent))
        assert [ns.kind for ns in chain] == ["pid"] * 6
        assert chain[-1].pids == (ME,)
        assert [ns.pids for ns in chain[1:-1]] == [()] * 4
        assert {ns.owner for ns in chain} == {inode("self", "user")}
        assert of(found, deep, "uts").pids == (ME, deep)


def test_a_user_namespace_in_a_user_namespace_where_nobody_is() -> None:
    with inside("unshare", "-Ur", "--net", "unshare", "-Ur", "--uts") as nested:
        found = survey([ME, nested])
        inner = of(found, nested, "user")
        assert inner.parent is not None
        outer = at(found, inner.parent)
        assert (inner.owner, outer.pids, outer.uid) == (outer.inode, (), os.geteuid())
        assert outer.parent == outer.owner == inode("self", "user")
        assert of(found, nested, "uts").owner == inner.inode
        assert of(found, nested, "net").owner == outer.inode
        assert of(found, nested, "mnt").inode == inode("self", "mnt")
        assert {ns.uid for ns in found.namespaces if ns.kind != "user"} == {None}


def test_a_pid_namespace_and_its_parent_with_two_owners() -> None:
    with inside("unshare", "-Ur", "--pid", "--fork", "--kill-child") as child:
        found = survey([ME, child])
        new = of(found, child, "pid")
        assert new.owner == inode(child, "user") != inode("self", "user")
        assert new.parent == inode("self", "pid")


def test_only_the_kinds_that_are_asked_for() -> None:
    with inside("unshare", "-Ur", "--uts") as child:
        found = survey([child, ME], ("uts",))
        assert [ns.kind for ns in found.namespaces if ns.pids] == ["uts", "uts"]
        assert [ns.pids for ns in found.namespaces if ns.kind == "uts"] == [(child,), (ME,)]


def test_processes_that_have_ended_are_left_out() -> None:
    with subprocess.Popen(["true"]) as ended:
        until(
            lambda: Path(f"/proc/{ended.pid}/stat").read_text().rpartition(")")[2].split()[0]
            == "Z",
            "a zombie",
        )
        assert survey([ME, ended.pid]) == survey([ME])
        assert ended.pid not in shown()
        assert ME in shown()
    assert survey([ended.pid, ME]) == survey([ME])
    assert survey([ended.pid]) == Survey(())


def test_no_descriptor_is_left_where_there_are_too_few() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    numbers = []
    with inside("unshare", "-Ur", "--net", "unshare", "-Ur", "--uts") as nested:
        before = descriptors()
        free = [number for number in range(len(before) + 20) if number not in before]
        for limit in free[:12]:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                survey([nested, ME])
            except OSError as error:
                numbers.append(error.errno)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert descriptors() == before
    assert 2 < len(numbers) < 12
    assert set(numbers) == {errno.EMFILE}


def descriptors() -> list[int]:
    """The descriptors of this process that are open."""
    return sorted(
        int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")
    )


SEEN_FROM_INSIDE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from nsh.linux.nsfs import survey
for ns in survey([os.getpid()]).namespaces:
    print(ns.kind, ns.owner, ns.parent, ns.uid)
"""


@pytest.mark.parametrize("words", [["-Ur", "--uts"], ["-Ur", "--uts", "--pid", "--fork"]])
def test_what_is_outside_of_the_own_user_namespace_is_out_of_view(words: list[str]) -> None:
    proc = ["--mount-proc"] if "--pid" in words else []
    told = subprocess.run(
        [
            *(*ordinary_user(), "unshare", *words, *proc),
            *(open_nsh()[0], "-c", SEEN_FROM_INSIDE, str(open_checkout())),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    found = {line.split()[0]: line.split()[1:] for line in told.stdout.splitlines()}
    assert sorted(found) == sorted(KINDS)
    assert found["user"] == ["None", "None", "0"]
    assert found["uts"][0] != "None"
    own = {"user", "uts", *(["pid", "mnt"] if proc else [])}
    assert [found[kind] for kind in KINDS if kind not in own] == [["None"] * 3] * (8 - len(own))
    if proc:
        assert found["pid"] == [found["uts"][0], "None", "None"]


@needs.ANOTHER
def test_the_processes_of_others_are_counted() -> None:
    program = f"import sys; sys.path.insert(0, {str(open_checkout())!r})\n"
    program += (
        f"import os; from nsh.linux.nsfs import survey; found = survey([{ME}, os.getpid()])\n"
    )
    program += "print(found.unseen, len(found.namespaces), {ns.pids for ns in found.namespaces})"
    with inside(*ordinary_user()) as other:
        assert of(survey([ME, other]), other, "uts").pids == (ME, other)
        assert os.stat(f"/proc/{other}").st_uid == UID
        told = subprocess.run(
            [*ordinary_user(), open_nsh()[0], "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
        )
    assert told.stdout.startswith(f"1 {len(KINDS)} {{(")
    assert str(ME) not in told.stdout


@needs.program("lsns")
def test_lsns_says_the_same() -> None:
    columns = subprocess.run(["lsns", "--help"], capture_output=True, text=True, check=True).stdout
    if "ONS" not in columns:
        pytest.skip("needs an lsns that knows PNS and ONS: util-linux 2.38")
    with (
        inside("unshare", "-Ur", "--net", "unshare", "-Ur", "--uts") as nested,
        inside("unshare", "-Ur", "--pid", "--fork", "--kill-child", "--mount", "--ipc") as child,
    ):
        told = subprocess.run(
            ["lsns", "--json", "--output", "NS,TYPE,PNS,ONS,NPROCS"],
            capture_output=True,
            text=True,
            check=True,
        )
        listed = {int(row["ns"]): row for row in json.loads(told.stdout)["namespaces"]}
        found = survey(shown())
        mine = [ns for ns in found.namespaces if {nested, child, ME} & set(ns.pids)]
        assert len(mine) == len(KINDS) + 3 + 4
        for ns in mine:
            row = listed[ns.inode]
            assert (row["type"], int(row["ons"] or 0)) == (ns.kind, ns.owner or 0), ns
            assert int(row["pns"] or 0) == (ns.parent or 0), ns
            if ME not in ns.pids:
                assert row["nprocs"] == len(ns.pids), ns
