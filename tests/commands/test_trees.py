"""tree: whose processes are shown, what is drawn, and what is said where that cannot be."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from nsh.shell import Shell
from tests import needs
from tests.conftest import nsh
from tests.lines import Told, say
from tests.runs import children, until
from tests.spaces import inode, inside, name
from tests.unprivileged import nsh_unprivileged

FORK = ["unshare", "--pid", "--fork", "--kill-child"]
USER = ["unshare", "-Ur"]


def shell_with(**living: int) -> Shell:
    """A shell that has these children that stay."""
    shell = Shell()
    shell.host.living = living
    return shell


def who(text: str, kind: str, pid: int | str) -> str:
    """Who is in the namespace of that process, "" if it is not in the tree."""
    found = re.search(rf"{kind}:\[{inode(pid, kind)}\](?: here)? +(.*)", text)
    return found[1] if found else ""


def test_this_shell_alone(capsys: Told) -> None:
    out, errors, status = say(capsys, "tree")
    assert (errors, status) == ([], 0)
    links = {
        os.readlink(f"/proc/self/ns/{kind}")
        for kind in os.listdir("/proc/self/ns")
        if not kind.endswith("_for_children")
    }
    assert set(re.findall(r"(\w+:\[\d+\]) here +nsh\b", out)) == links
    assert out.count(" here") == len(links)


def test_a_child_is_named_where_it_is_apart_and_what_is_shared_is_shown_once(capsys: Told) -> None:
    with inside(*USER, "--uts") as web:
        out, errors, status = say(capsys, "tree", shell=shell_with(web=web))
        assert (errors, status) == ([], 0)
        assert who(out, "uts", web) == "web (sleep 1000)"
        assert who(out, "uts", "self") == "nsh"
        assert who(out, "user", web) == f"web (sleep 1000); owner uid {os.geteuid()}"
        assert who(out, "user", "self").startswith("nsh")
        for kind in ("net", "mnt", "ipc", "pid"):
            assert out.count(os.readlink(f"/proc/self/ns/{kind}")) == 1
        assert "here, shared by all: " in out
        assert max(map(len, out.splitlines())) <= 80


def test_what_descends_from_a_child_is_its_own(capsys: Told) -> None:
    line = "unshare --uts sleep 1001 & unshare --net sleep 1002 & echo; wait"
    with inside(*USER, *FORK[1:], command=["sh", "-c", line]) as web:
        until(lambda: [name(pid) for pid in children(web)] == ["sleep", "sleep"], "both sleeps")
        one, two = sorted(children(web), key=lambda pid: inode(pid, "uts") == inode(web, "uts"))
        out, errors, _ = say(capsys, "tree", shell=shell_with(web=web))
        assert errors == []
        assert who(out, "uts", one) == "web (sleep 1001)"
        assert who(out, "net", two) == "web (sleep 1002)"
        assert who(out, "pid", web) == f"web; parent pid:[{inode('self', 'pid')}]"
        assert who(out, "user", web) == f"web; owner uid {os.geteuid()}"


@needs.NAMESPACES
def test_who_has_entered_the_pid_namespace_of_a_child_is_shown_and_others_are_not(
    capsys: Told,
) -> None:
    with inside(*FORK, "--uts") as web, inside(*FORK) as other:
        enter = ["nsenter", "--target", str(web), "--pid"]
        with inside(*enter) as entered, inside(*enter, *FORK, "--net") as below:
            out, errors, _ = say(capsys, "tree", shell=shell_with(web=web))
            assert errors == []
            assert inode(entered, "pid") == inode(web, "pid")
            assert who(out, "pid", web).startswith("web (sleep 1000 ×2, unshare")  # noqa: RUF001
            assert who(out, "net", below).endswith(", sleep 1000)")
            assert who(out, "pid", below) == "web (sleep 1000)"
            assert who(out, "pid", other) == ""


@needs.NAMESPACES
def test_children_in_the_namespaces_of_another(capsys: Told) -> None:
    with inside("unshare", "--net", "--ipc") as web:
        pod = ["nsenter", "--target", str(web), "--net", "--ipc", "unshare", "--uts"]
        with inside(*pod) as db, inside(*pod) as log:
            shell = shell_with(log=log, web=web, db=db)
            out, _, _ = say(capsys, "tree", shell=shell)
            together = "log (sleep 1000), web (sleep 1000), db (sleep 1000)"
            assert who(out, "net", web) == who(out, "ipc", db) == together
            assert who(out, "uts", db) == "db (sleep 1000)"
            assert who(out, "uts", web) == "nsh, web (sleep 1000)"
            assert who(out, "user", "self") == "nsh, log, web, db; owner uid 0"


@needs.NAMESPACES
def test_pid_namespaces_stand_in_each_other(capsys: Told) -> None:
    with inside(*FORK * 5) as deep:
        top = deep
        for _ in range(4):
            top = int(Path(f"/proc/{top}/stat").read_text().rpartition(")")[2].split()[1])
        out, _, _ = say(capsys, "tree", shell=shell_with(deep=top))
        found = [line for line in out.splitlines() if "pid:[" in line]
        starts = [line.index("pid:[") for line in found]
        assert [start - starts[0] for start in starts] == [0, 3, 6, 9, 12, 15]
        assert found[-1].endswith("  deep (sleep 1000)")


@pytest.mark.parametrize("forks", [False, True])
def test_what_nsh_itself_keeps_running(capsys: Told, forks: bool) -> None:
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        if forks and os.fork() == 0:
            os.close(told)
            time.sleep(1000)
        os.close(told)
        time.sleep(1000)
        os._exit(0)
    os.close(told)
    below: set[int] = set()
    try:
        assert os.read(ready, 1) == b""  # both have closed their end
        below = set(children(child))
        out, _, _ = say(capsys, "tree", shell=shell_with(web=child))
        expected = "nsh, web (init, pause)" if forks else "nsh, web (pause)"
        assert who(out, "user", "self") == f"{expected}; owner uid 0"
    finally:
        os.close(ready)
        for pid in (*below, child):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(child, 0)
    until(lambda: not [pid for pid in below if os.path.exists(f"/proc/{pid}")], "the end of both")


def test_a_child_that_has_ended_is_left_out(capsys: Told) -> None:
    alone = say(capsys, "tree")
    with inside() as web:
        pass
    assert say(capsys, "tree", shell=shell_with(web=web)) == alone


def test_all_takes_processes_that_are_no_children(capsys: Told) -> None:
    with inside(*USER, "--uts") as other:
        assert who(say(capsys, "tree")[0], "uts", other) == ""
        out, errors, status = say(capsys, "tree --all")
        assert (errors, status) == ([], 0)
        assert who(out, "uts", other) == f"sleep [{other}]"
        assert who(out, "user", other) == f"sleep [{other}]; owner uid {os.geteuid()}"


@needs.ANOTHER
def test_the_processes_of_others_are_only_counted() -> None:
    with inside("unshare", "--uts") as other:
        told = nsh_unprivileged("-c", "tree --all")
        assert (told.returncode, told.stderr) == (0, "")
        assert who(told.stdout, "uts", other) == ""
        shared = told.stdout.partition("shared by all: ")[2]  # if another of this user is about
        own = who(told.stdout, "uts", "self")
        assert own.startswith("nsh") or f"uts:[{inode('self', 'uts')}]" in shared
        assert re.fullmatch(
            r"not shown: \d+ processes that nsh may not look at", told.stdout.splitlines()[-1]
        )
        assert "not shown" not in nsh_unprivileged("-c", "tree").stdout


def test_what_is_outside_of_its_user_namespace_has_no_owner_in_view() -> None:
    told = nsh_unprivileged("-c", "tree", before=["unshare", "-Ur", "--uts"])
    above, _, below = told.stdout.partition("owned by a user namespace that is out of view")
    assert re.match(r"user:\[\d+\] here +nsh; owner uid 0\n└─ uts:\[\d+\] here +nsh\n", above)
    assert who(below, "net", "self") == "nsh"


@needs.AROUND
def test_below_the_proc_of_another_pid_namespace_it_says_so() -> None:
    told = nsh("-c", "tree", before=["unshare", "--pid", "--fork"])
    assert told.returncode == 125
    assert "/proc still shows the one around it" in told.stderr
    assert len(told.stderr.splitlines()) == 2


@pytest.mark.parametrize("line", ["tree -o {}", "tree --all -o {}", "tree -o {} --all"])
def test_a_picture_names_each_namespace(capsys: Told, tmp_path: Path, line: str) -> None:
    path = tmp_path / "a b.svg"
    with inside(*USER, "--uts") as web:
        shell = shell_with(web=web)
        assert say(capsys, line.format(f"'{path}'"), shell=shell) == ("", [], 0)
        shown = "\n".join(ET.parse(path).getroot().itertext())
        for kind in ("uts", "user", "net"):
            assert os.readlink(f"/proc/{web}/ns/{kind}") in shown
            assert os.readlink(f"/proc/self/ns/{kind}") in shown
        assert "sleep 1000" in shown
    assert os.listdir(tmp_path) == [path.name]


def test_a_picture_replaces_another_and_follows_a_link(capsys: Told, tmp_path: Path) -> None:
    path, link = tmp_path / "old.svg", tmp_path / "link.svg"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    assert say(capsys, f"tree -o {link}") == ("", [], 0)
    assert link.is_symlink()
    assert path.read_text().startswith("<svg ")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("line", "why", "fix"),
    [
        ("tree -o", "tree: -o is followed by the file to draw into", "tree -o tree.svg"),
        ("tree --all -o", "tree: -o is followed by the file to draw into", "tree -o tree.svg"),
        ("tree -o a.png", "tree: 'a.png' is not called NAME.svg: the picture is an SVG", "a.svg"),
        ("tree -o ''", "tree: '' is not called NAME.svg: the picture is an SVG", "tree.svg"),
        ("tree -o a.svg -o b.svg", "tree: -o is given twice: one picture at a time", "a.svg"),
        ("tree a.svg", "tree: the file of a picture comes after -o", "tree -o a.svg"),
        ("tree web", "tree: 'web' is neither --all nor -o FILE.svg", "help tree"),
        ("tree -a", "tree: '-a' is neither --all nor -o FILE.svg", "help tree"),
    ],
)
def test_what_is_typed_wrong(capsys: Told, line: str, why: str, fix: str) -> None:
    out, errors, status = say(capsys, line)
    assert (out, errors[0], status) == ("", why, 2)
    assert errors[1].startswith("try: ")
    assert errors[1].endswith(fix)
    assert len(errors) == 2


def test_where_a_picture_cannot_be_written(capsys: Told, tmp_path: Path) -> None:
    _, errors, status = say(capsys, f"tree -o {tmp_path}/no/a.svg")
    assert errors == [
        f"cannot write {tmp_path}/no/a.svg: No such file or directory",
        f"try: !mkdir -p {tmp_path}/no",
    ]
    assert status == 1
    (tmp_path / "dir.svg").mkdir()
    _, errors, status = say(capsys, f"tree -o {tmp_path}/dir.svg")
    assert errors == [
        f"cannot write {tmp_path}/dir.svg: Is a directory",
        f"try: tree -o {tmp_path}/dir.svg/tree.svg",
    ]
    assert say(capsys, errors[1].removeprefix("try: "))[1:] == ([], 0)
    assert os.listdir(tmp_path) == ["dir.svg"]


@needs.NAMESPACES
def test_a_file_system_that_is_read_only() -> None:
    mounted = "mount -t tmpfs -o ro none /mnt"
    before = ["unshare", "--mount", "sh", "-c", f'{mounted} && exec "$@"', "sh"]
    told = nsh("-c", "tree -o /mnt/a.svg", before=before)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.splitlines() == [
        "nsh: -c:1: cannot write /mnt/a.svg: Read-only file system",
        "nsh: -c:1: try: tree -o /tmp/a.svg",
    ]


def test_a_locale_without_the_signs_gets_others(
    capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    out, errors, _ = say(capsys, "tree")
    assert (errors, out.isascii()) == ([], True)
    assert "\n|- " in out
    assert "\n`- " in out
