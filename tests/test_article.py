"""The article's experiments: what its C programs give here, a line or two of nsh gives too.

Each C program is tests/article.c with that experiment's flags and set-up compiled in.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from tests.conftest import NSH, ROOT, nsh

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the programs in C need root")

SOURCE = ROOT / "tests" / "article.c"

# Interfaces that some kernels put into every new net namespace, see fb_tunnels_only_for_init_net
# in the kernel's Documentation/admin-guide/sysctl/net.rst.
FALLBACK_TUNNELS = re.compile(r"(tunl|gre|gretap|erspan|ip_vti|ip6_vti|sit|ip6tnl|ip6gre)0")


class Article:
    """Compiles and runs the programs of the article."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mytmp = directory / "mytmp"
        self.mytmp.mkdir()
        self.programs: dict[tuple[str, str], Path] = {}

    def program(self, flags: str = "SIGCHLD", setup: str = "nothing") -> Path:
        """The program with these clone flags, as C writes them, and this set-up in the child."""
        if (flags, setup) not in self.programs:
            path = self.directory / f"article-{len(self.programs)}"
            subprocess.run(
                [
                    *("gcc", "-Wall", "-Wextra", "-Werror", "-o", str(path), str(SOURCE)),
                    *(f"-DCLONE_FLAGS={flags}", f"-DSETUP={setup}", f'-DMYTMP="{self.mytmp}"'),
                ],
                check=True,
            )
            self.programs[flags, setup] = path
        return self.programs[flags, setup]

    def run(
        self, command: str, flags: str = "SIGCHLD", setup: str = "nothing"
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in that program."""
        return subprocess.run(
            [str(self.program(flags, setup)), *shlex.split(command)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="session")
def article(tmp_path_factory: pytest.TempPathFactory) -> Article:
    return Article(tmp_path_factory.mktemp("article"))


def on_host(command: str) -> str:
    """What a command prints here."""
    return subprocess.run(
        shlex.split(command), capture_output=True, text=True, timeout=60, check=True
    ).stdout


def as_c_and_nsh(article: Article, state: str, flags: str, setup: str, command: str) -> list[str]:
    """What a command prints in the C program and in nsh, both without a complaint, status 0."""
    in_c = article.run(command, flags, setup)
    assert (in_c.stderr, in_c.returncode) == ("", 0)
    here = nsh(stdin=f"{state}\nrun {command}\n")
    assert (here.stderr, here.returncode) == ("", 0)
    return [in_c.stdout, here.stdout]


def steady(text: str) -> str:
    """Without the seconds that an address of the host stays valid."""
    return re.sub(r"\d+sec", "SECONDS", text)


def interfaces(text: str) -> dict[str, str]:
    """Of the output of ``ip a``: name of each interface, and its flags with its state."""
    lines = re.findall(r"^\d+: ([^:@]+)\S*: (<.*)$", text, re.MULTILINE)
    return {name: rest for name, rest in lines if not FALLBACK_TUNNELS.fullmatch(name)}


def processes(text: str) -> list[tuple[str, ...]]:
    """Of the output of ``ps aux``: user, pid, terminal, state and command; sizes and times differ."""
    rows = [line.split(None, 10) for line in text.splitlines()[1:]]
    return [(row[0], row[1], row[6], row[7], row[10]) for row in rows]


def kinds_that_are_new(text: str) -> set[str]:
    """Of the links in /proc/PID/ns, a line each: those that are not this process's."""
    new = set()
    for line in text.split():
        kind = line.partition(":")[0]
        if os.readlink(f"/proc/self/ns/{kind}") != line:
            new.add(kind)
    return new


KINDS = ("net", "mnt", "uts", "ipc", "pid", "user", "cgroup")
LINKS = f"readlink {' '.join([f'/proc/self/ns/{kind}' for kind in KINDS])}"


# The skeleton.


@pytest.mark.parametrize(
    "command",
    [
        "echo one 'two  three'",
        "id",
        "ls -a /",
        "ls -la /etc",
        "cat /proc/self/mounts",
        "ip a",
        "uname -a",
        "pwd",
        "env",
        "grep -E ^Sig[^Q]|^Cap|^Shd|^NoNew|^Groups /proc/self/status",
        LINKS,
    ],
)
def test_skeleton(article: Article, command: str) -> None:
    in_c = article.run(command)
    here = nsh(stdin=f"run {shlex.join(shlex.split(command))}\n")
    assert steady(here.stdout) == steady(in_c.stdout) == steady(on_host(command)) != ""
    assert (here.stderr, here.returncode) == (in_c.stderr, in_c.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true", 0),
        ("false", 1),
        ("sh -c 'exit 7'", 7),
        ("sh -c 'kill -TERM $$'", 143),
        ("sh -c 'kill -KILL $$'", 137),
        ("no-such-program", 127),
        ("/no/such/program", 127),
        ("/etc/passwd", 126),
        ("/", 126),
    ],
)
@pytest.mark.parametrize(
    ("state", "expression"),
    [
        ("", "SIGCHLD"),
        ("flags +net", "CLONE_NEWNET | SIGCHLD"),
        ("flags +mnt +uts +ipc", "CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD"),
    ],
)
def test_status(article: Article, command: str, status: int, state: str, expression: str) -> None:
    in_c = article.run(command, expression)
    here = nsh(stdin=f"{state}\nrun {command}\n")
    assert here.returncode == in_c.returncode == status
    assert here.stdout == in_c.stdout == ""


@pytest.mark.parametrize(
    ("flags", "expression"),
    [
        ("", "SIGCHLD"),
        ("+net", "CLONE_NEWNET | SIGCHLD"),
        ("+mnt", "CLONE_NEWNS | SIGCHLD"),
        ("+uts", "CLONE_NEWUTS | SIGCHLD"),
        ("+ipc", "CLONE_NEWIPC | SIGCHLD"),
        ("+pid", "CLONE_NEWPID | SIGCHLD"),
        ("+user", "CLONE_NEWUSER | SIGCHLD"),
        ("+cgroup", "CLONE_NEWCGROUP | SIGCHLD"),
        ("+pid +mnt", "CLONE_NEWPID | CLONE_NEWNS | SIGCHLD"),
        (
            "+net +mnt +uts +ipc +pid",
            "CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | SIGCHLD",
        ),
    ],
)
def test_flags_make_the_namespaces_that_they_name(
    article: Article, flags: str, expression: str
) -> None:
    shown = nsh("-c", f"flags {flags}" if flags else "show", "-c", "flags")
    assert shown.stdout == expression + "\n"
    wanted = {word[1:] for word in flags.split()}
    for printed in as_c_and_nsh(
        article, f"flags {flags}" if flags else "", expression, "nothing", LINKS
    ):
        assert kinds_that_are_new(printed) == wanted


# NET


def test_net_has_a_loopback_alone_and_it_is_down(article: Article) -> None:
    in_c, here = as_c_and_nsh(article, "flags +net", "CLONE_NEWNET | SIGCHLD", "nothing", "ip a")
    assert here == in_c
    inside = interfaces(here)
    assert list(inside) == ["lo"]
    assert inside["lo"].startswith("<LOOPBACK>")
    assert " state DOWN " in inside["lo"]
    assert "inet" not in here
    outside = interfaces(on_host("ip a"))
    assert outside["lo"].startswith("<LOOPBACK,UP")
    assert "inet 127.0.0.1/8" in on_host("ip a show lo")


# MNT


def test_mnt_changes_nothing_at_first(article: Article) -> None:
    in_c, here = as_c_and_nsh(
        article, "flags +mnt", "CLONE_NEWNS | SIGCHLD", "nothing", "cat /proc/self/mounts"
    )
    assert here == in_c
    # The copy lists the mounts as a tree, the host in the order in which they were made.
    assert sorted(here.splitlines()) == sorted(on_host("cat /proc/self/mounts").splitlines())


def test_mnt_keeps_a_tmpfs_inside(article: Article) -> None:
    before = on_host("mount")
    in_c, here = as_c_and_nsh(
        article,
        f"flags +mnt\nmount tmpfs {article.mytmp}",
        "CLONE_NEWNS | SIGCHLD",
        "tmpfs",
        "mount",
    )
    assert here == in_c
    [own] = set(here.splitlines()) - set(before.splitlines())
    assert own.startswith(f"none on {article.mytmp} type tmpfs (rw,")
    assert on_host("mount") == before


def test_mnt_is_no_jail(article: Article) -> None:
    state = f"flags +mnt\nmount tmpfs {article.mytmp}"
    for command in ("ls -a /", f"ls -a {ROOT}", "ls -a /etc"):
        in_c, here = as_c_and_nsh(article, state, "CLONE_NEWNS | SIGCHLD", "tmpfs", command)
        assert here == in_c == on_host(command)


# UTS


@pytest.mark.parametrize("command", ["hostname", "uname -n", "cat /proc/sys/kernel/hostname"])
def test_uts_inherits_the_name_then_has_its_own(article: Article, command: str) -> None:
    host = socket.gethostname()
    flags = "CLONE_NEWUTS | SIGCHLD"
    in_c, here = as_c_and_nsh(article, "flags +uts", flags, "nothing", command)
    assert here == in_c == f"{host}\n"
    state = "flags +uts\nhostname myhostname"
    in_c, here = as_c_and_nsh(article, state, flags, "host_name", command)
    assert here == in_c == "myhostname\n"
    assert on_host(command) == f"{host}\n"


# IPC: all of it in an ipc namespace of its own, so that no other test sees the queue.


def test_ipc_hides_the_queue(article: Article) -> None:
    run_c = [
        shlex.quote(str(article.program(flags))) for flags in ("SIGCHLD", "CLONE_NEWIPC | SIGCHLD")
    ]
    run_nsh = shlex.join(NSH)
    script = f"""
        ipcmk -Q > /dev/null
        ipcs -q; echo @
        {run_c[0]} ipcs -q; echo @
        {run_nsh} -c 'run ipcs -q' || exit; echo @
        {run_c[1]} ipcs -q; echo @
        {run_nsh} -c 'flags +ipc' -c 'run ipcs -q' || exit; echo @
        ipcs -q
    """
    result = subprocess.run(
        ["unshare", "--ipc", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stderr == ""
    host, c_without, nsh_without, c_with, nsh_with, after = result.stdout.split("@\n")
    assert host == c_without == nsh_without == after
    assert len(re.findall(r"^0x", host, re.MULTILINE)) == 1
    assert nsh_with == c_with
    assert "0x" not in nsh_with
    assert "msqid" in nsh_with


# PID


def test_pid_alone_still_sees_the_hosts_processes(article: Article) -> None:
    flags = "CLONE_NEWPID | SIGCHLD"
    for printed in as_c_and_nsh(article, "flags +pid", flags, "nothing", "ps aux"):
        found = processes(printed)
        assert str(os.getpid()) in [pid for _, pid, *_ in found]
        own = [int(pid) for _, pid, _, _, command in found if command == "ps aux"]
        assert min(own) > 1
    for printed in as_c_and_nsh(article, "flags +pid", flags, "nothing", "sh -c 'echo $$ $PPID'"):
        assert printed == "1 0\n"


@pytest.mark.parametrize(
    ("setup", "mounts"),
    [
        ("proc_on_proc", "mount proc /proc"),
        ("proc_instead", "umount /proc\nmount proc /proc"),
    ],
)
def test_pid_with_its_own_proc_sees_itself_as_pid_1(
    article: Article, setup: str, mounts: str
) -> None:
    flags = "CLONE_NEWPID | CLONE_NEWNS | SIGCHLD"
    state = f"flags +pid +mnt\n{mounts}"
    in_c = article.run("ps aux", flags, setup)
    here = nsh(stdin=f"{state}\nrun ps aux\n")
    assert here.returncode == in_c.returncode
    if setup == "proc_instead" and in_c.returncode == 125:
        # Where something is mounted below /proc, the kernel takes it away for nobody.
        assert "umount" in in_c.stderr
        assert 'umount2("/proc", 0) = -1' in here.stderr
        return
    assert (here.stderr, here.returncode) == ("", 0)
    assert here.stdout.splitlines()[0] == in_c.stdout.splitlines()[0]
    [only] = processes(here.stdout)
    assert [only] == processes(in_c.stdout)
    assert (only[1], only[4]) == ("1", "ps aux")
    assert as_c_and_nsh(article, state, flags, setup, "readlink /proc/self") == ["1\n", "1\n"]
    mine = as_c_and_nsh(article, state, flags, setup, "grep -c ' /proc proc ' /proc/self/mounts")
    assert mine[0] == mine[1]


# USER


def test_user_without_a_map_is_nobody(article: Article) -> None:
    overflow = Path("/proc/sys/kernel/overflowuid").read_text().strip()
    flags = "CLONE_NEWUSER | SIGCHLD"
    in_c, here = as_c_and_nsh(article, "flags +user", flags, "nothing", "id")
    assert here == in_c
    assert here.startswith(f"uid={overflow}(nobody) gid=")
    for command in ("id -u", "stat -c %u /"):
        assert as_c_and_nsh(article, "flags +user", flags, "nothing", command) == [
            f"{overflow}\n",
            f"{overflow}\n",
        ]
    listing = f"ls -la {article.directory}"
    in_c, here = as_c_and_nsh(article, "flags +user", flags, "nothing", listing)
    assert here == in_c
    owners = {line.split()[2] for line in here.splitlines()[1:]}
    assert owners == {"nobody"}
    for command in ("cat /proc/self/uid_map /proc/self/gid_map", "grep Cap /proc/self/status"):
        in_c, here = as_c_and_nsh(article, "flags +user", flags, "nothing", command)
        assert here == in_c
