"""The article's experiments as scripts, and by an ordinary user without any privilege."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from tests.conftest import NSH, ROOT, nsh
from tests.test_article import interfaces, on_host, processes
from tests.unprivileged import UID, unprivileged_command

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can be both: root and the ordinary user"
)

SCRIPTS = ("net", "mnt", "uts", "ipc", "pid", "user")
WAYS = ("piped", "as FILE", "by itself", "by an ordinary user")


def run_script(name: str, way: str, place: Path) -> list[str]:
    """Run one of scripts/*.nsh in that way; the lines that it prints.

    Asserts that it ends with status 0, complains of nothing, and leaves no queue and no file.

    An ipc namespace around it is its host, where another queue lies already.
    """
    script = ROOT / "scripts" / f"{name}.nsh"
    temporary = place / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    start = shlex.join(unprivileged_command() if way == "by an ordinary user" else NSH)
    program = place / "nsh"
    program.write_text(f'#!/bin/sh\nexec {start} "$@"\n')
    program.chmod(0o755)
    line = {
        "piped": f"nsh < {shlex.quote(str(script))}",
        "as FILE": f"nsh {shlex.quote(str(script))}",
        "by itself": shlex.quote(str(script)),
        "by an ordinary user": f"(echo 'flags +user; map root'; cat {shlex.quote(str(script))}) | nsh",
    }[way]
    if name == "user" and way == "by an ordinary user":
        line = f"nsh < {shlex.quote(str(script))}"
    queues = "cat /proc/sysvipc/msg >&2"
    result = subprocess.run(
        [
            "unshare",
            "--ipc",
            "sh",
            "-c",
            f"ipcmk -Q; echo @; {queues}; echo @ >&2; {line}; s=$?; echo @ >&2; {queues}; exit $s",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        env={**os.environ, "PATH": f"{place}:{os.environ['PATH']}", "TMPDIR": str(temporary)},
        check=False,
    )
    left = os.listdir(temporary)
    before, complaints, after = result.stderr.split("@\n")
    assert (complaints, result.returncode, left) == ("", 0, [])
    assert before == after
    assert len(before.splitlines()) == 2
    return result.stdout.split("@\n")[1].splitlines()


@pytest.mark.parametrize("way", WAYS)
class TestScripts:
    def test_net(self, way: str, place: Path) -> None:
        text = "\n".join(run_script("net", way, place))
        first = text.rindex("1: lo: ")
        host, inside = interfaces(text[:first]), interfaces(text[first:])
        assert set(host) == set(interfaces(on_host("ip a")))
        assert host["lo"].startswith("<LOOPBACK,UP")
        assert list(inside) == ["lo"]
        assert " state DOWN " in inside["lo"]
        assert re.match(r"lo +UNKNOWN +127\.0\.0\.1/8", text.splitlines()[-1])

    def test_mnt(self, way: str, place: Path) -> None:
        host, inside, tmpfs, none, seen, unseen, *root = run_script("mnt", way, place)
        assert host == inside == str(len(on_host("cat /proc/self/mounts").splitlines()))
        assert tmpfs.startswith("none on /mnt type tmpfs (rw,")
        assert none == "no tmpfs on /mnt here"
        assert (seen, unseen) == ("seen inside", "no such file here")
        assert root == on_host("ls /").splitlines()

    def test_uts(self, way: str, place: Path) -> None:
        host = socket.gethostname()
        assert run_script("uts", way, place) == [host, host, "myhostname", host]

    def test_ipc(self, way: str, place: Path) -> None:
        made, *tables = run_script("ipc", way, place)
        number = made.rpartition(" ")[2]
        split = tables.index("", 2)
        shared, new = tables[:split], tables[split + 1 :]
        queues = [line.split()[1] for line in shared if line.startswith("0x")]
        assert len(queues) == 2
        assert number in queues
        assert "0x" not in "\n".join(new)
        assert "msqid" in "\n".join(new)

    def test_pid(self, way: str, place: Path) -> None:
        one, _, *host, ids, header, only = run_script("pid", way, place)
        assert one == "I am PID 1"
        assert len(host) == 3
        [first] = [line for line in on_host("ps aux").splitlines() if line.split()[1] == "1"]
        assert host[0].split()[10] == first.split()[10]
        inside, outside = re.findall(r"\d+", ids)
        assert int(outside) > int(inside) == 1
        assert processes(f"{header}\n{only}") == [("root", "1", "?", only.split()[7], "ps aux")]

    def test_user(self, way: str, place: Path) -> None:
        lines = run_script("user", way, place)
        me, root, nobody, root_inside, mapped, uid_map, name, host = lines
        uid = UID if way == "by an ordinary user" else os.geteuid()
        assert me.startswith(f"uid={uid}(")
        assert root.split()[2] == "root"
        assert nobody.startswith("uid=65534(nobody) gid=65534(")
        assert root_inside.split()[2] == "nobody"
        assert mapped.startswith("uid=0(root) gid=0(root) ")
        assert uid_map.split() == ["0", str(uid), "1"]
        assert (name, host) == ("myhostname", socket.gethostname())


def test_scripts_can_be_run() -> None:
    for name in SCRIPTS:
        path = ROOT / "scripts" / f"{name}.nsh"
        assert os.access(path, os.X_OK)
        assert path.read_text().startswith("#!/usr/bin/env nsh\n")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_do_not_disturb_each_other(name: str) -> None:
    """Several at once, as in a class: all of them end well."""
    script = shlex.quote(str(ROOT / "scripts" / f"{name}.nsh"))
    start = f"{shlex.join(NSH)} {script} > /dev/null"
    waits = "for p in $pids; do wait $p || exit; done; cat /proc/sysvipc/msg"
    result = subprocess.run(
        [
            "unshare",
            "--ipc",
            "sh",
            "-c",
            f'for i in 1 2 3 4; do {start} & pids="$pids $!"; done; {waits}',
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.stderr, result.returncode) == ("", 0)
    assert len(result.stdout.splitlines()) == 1


# The experiments by an ordinary user: with a user namespace and a map, root's results.


@pytest.mark.parametrize(
    ("state", "command"),
    [
        ("flags +net", "ip a"),
        ("flags +mnt", "ls -a /"),
        ("flags +mnt", "wc -l /proc/self/mounts"),
        ("flags +mnt; mount tmpfs /mnt", "stat -f -c %T /mnt"),
        ("flags +uts", "uname -n"),
        ("flags +uts; hostname myhostname", "uname -n"),
        ("flags +ipc", "ipcs -q"),
        ("flags +pid", "sh -c 'echo $$'"),
        ("flags +pid +mnt; mount proc /proc", "ps -o pid=,args= ax"),
        ("flags +pid +mnt; mount proc /proc", "readlink /proc/self"),
        ("flags +all; mount proc /proc", "id"),
    ],
)
def test_ordinary_user_gets_what_root_gets(state: str, command: str) -> None:
    as_root = nsh(stdin=f"{state}; flags -user; reset map\nrun {command}\n")
    as_user = subprocess.run(
        unprivileged_command(),
        input=f"flags +user; map root\n{state}\nrun {command}\n",
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        check=False,
    )
    assert as_user.stdout == as_root.stdout != ""
    assert (as_root.stderr, as_root.returncode) == ("", 0)
    assert (as_user.stderr, as_user.returncode) == ("", 0)


@pytest.mark.parametrize("kind", ["net", "mnt", "uts", "ipc", "pid", "cgroup", "time"])
def test_ordinary_user_is_told_of_the_user_namespace(kind: str) -> None:
    def as_user(state: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*unprivileged_command(), "-c", state, "-c", "run echo done"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            check=False,
        )

    refused = as_user(f"flags +{kind}")
    assert (refused.stdout, refused.returncode) == ("", 125)
    assert re.search(r"unshare\(\w+\) = -1 EPERM", refused.stderr)
    assert "try: flags +user" in refused.stderr
    assert "map root" in refused.stderr
    allowed = as_user(f"flags +{kind} +user; map root")
    assert (allowed.stdout, allowed.stderr, allowed.returncode) == ("done\n", "", 0)
