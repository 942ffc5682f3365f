"""Diagnoses of clone and unshare, each cause made for real unless the name of the test says how."""

from __future__ import annotations

import errno
import os
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsh.host import Host
from nsh.parts.namespaces.diagnose import unshare
from nsh.state import State
from tests import needs
from tests.conftest import NSH
from tests.diagnosis import teach
from tests.runs import sh
from tests.unprivileged import UID, unprivileged_command

NAMESPACES = ["net", "mnt", "uts", "ipc", "pid", "cgroup", "time"]


@pytest.mark.parametrize("name", NAMESPACES)
def test_without_privilege(name: str) -> None:
    teach(
        f"flags +{name}",
        "run true",
        start=unprivileged_command(),
        call="unshare(CLONE_NEW",
        cause="CAP_SYS_ADMIN",
        fixes=["flags +user", "map root"],
    )


@pytest.mark.parametrize("name", ["user", *NAMESPACES])
def test_a_limit_of_0(name: str) -> None:
    lower = sh(f"echo 0 > /proc/sys/user/max_{name}_namespaces")
    teach(
        f"flags +{name}",
        "run true",
        before=["unshare", "-r", *lower],
        call="= -1 ENOSPC (No space left on device)",
        cause=f"user.max_{name}_namespaces is 0",
        fixes=[f"!sysctl -w user.max_{name}_namespaces=1000"],
    )


def test_the_limit_is_found_among_several_namespaces() -> None:
    teach(
        "flags +all",
        "run true",
        before=["unshare", "-r", *sh("echo 0 > /proc/sys/user/max_ipc_namespaces")],
        call="= -1 ENOSPC",
        cause="user.max_ipc_namespaces is 0",
    )


def test_a_limit_that_others_have_used_up() -> None:
    hold = sh('echo 1 > /proc/sys/user/max_uts_namespaces; exec unshare -u "$@"')
    teach(
        "flags +uts",
        "run true",
        before=["unshare", "-r", *hold],
        call="unshare(CLONE_NEWUTS) = -1 ENOSPC",
        cause="user.max_uts_namespaces is 1, and no more uts namespaces are allowed",
    )


def test_a_limit_in_a_user_namespace_around() -> None:
    hold = sh("echo 1 > /proc/sys/user/max_user_namespaces")
    teach(
        "flags +user +uts",
        "map root",
        "run true",
        before=["unshare", "-r", *hold, "unshare", "-r"],
        call="unshare(CLONE_NEWUTS|CLONE_NEWUSER) = -1 ENOSPC",
        cause="as many as a user namespace around this one allows",
        fixes=["flags -user", "reset map"],
    )


def test_user_namespaces_nested_as_deep_as_can_be() -> None:
    teach(
        "flags +user",
        "run true",
        before=["unshare", "-r"] * 33,
        call="unshare(CLONE_NEWUSER) = -1 ENOSPC",
        cause="nested 32 deep already",
        fixes=["flags -user"],
    )


@needs.AROUND
def test_pid_namespaces_nested_as_deep_as_can_be() -> None:
    teach(
        "flags +pid",
        "run true",
        before=["unshare", "-pf"] * 32,
        call="unshare(CLONE_NEWPID) = -1 ENOSPC",
        cause="nest at most 32 deep",
        fixes=["flags -pid"],
    )


CHROOT = "mount --rbind / /mnt\n"


@needs.AROUND
def test_user_namespace_in_a_chroot_made_of_a_bind_mount() -> None:
    teach(
        "flags +user +pid",
        "map root",
        "run true",
        before=["unshare", "-m", *sh(CHROOT), "chroot", "/mnt"],
        call="unshare(CLONE_NEWUSER|CLONE_NEWPID) = -1 EPERM",
        cause="nsh runs in a chroot",
        fixes=["flags -user", "reset map"],
    )


@needs.AROUND
def test_user_namespace_in_a_chroot_without_proc() -> None:
    teach(
        "flags +user",
        "run true",
        before=[
            "unshare",
            "-m",
            *sh("mount --bind / /mnt; mount --bind /dev /mnt/dev"),
            "chroot",
            "/mnt",
        ],
        call="unshare(CLONE_NEWUSER) = -1 EPERM",
        cause="chroot",
        fixes=["flags -user"],
    )


@needs.AROUND
def test_user_namespace_in_a_chroot_as_an_ordinary_user() -> None:
    teach(
        "flags +user",
        "run true",
        before=["unshare", "-m", *sh(CHROOT), "chroot", "/mnt"],
        start=unprivileged_command(),
        call="unshare(CLONE_NEWUSER) = -1 EPERM",
        cause="chroot",
        fixes=["quit"],
        works=False,
    )


def test_user_namespace_without_a_map_around() -> None:
    teach(
        "flags +user",
        "run true",
        before=["unshare", "-U"],
        call="unshare(CLONE_NEWUSER) = -1 EPERM",
        cause="does not map its own uid (so it shows as 65534)",
        fixes=["quit"],
        works=False,
    )


@needs.AROUND
@pytest.mark.parametrize(
    ("name", "off", "fix"),
    [
        ("unprivileged_userns_clone", 0, "sysctl -w kernel.unprivileged_userns_clone=1"),
        ("apparmor_restrict_unprivileged_userns", 1, "/etc/apparmor.d/nsh"),
    ],
)
def test_user_namespaces_switched_off_by_a_sysctl_file_put_there_and_an_injected_errno(
    name: str, off: int, fix: str
) -> None:
    put = f"mount -t tmpfs none /proc/sys/kernel; echo {off} > /proc/sys/kernel/{name}"
    inject = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=unshare",
        "-e",
        "inject=unshare:error=EPERM",
    ]
    lesson = teach(
        "flags +user",
        "run true",
        before=["unshare", "-m", *sh(put)],
        start=[*inject, *unprivileged_command()],
        call="unshare(CLONE_NEWUSER) = -1 EPERM",
        cause=f"kernel.{name} is {off} on this machine",
        works=False,
    )
    assert fix in lesson.fixes[0]


@needs.NAMESPACES
def test_a_seccomp_filter(tmp_path: Path) -> None:
    start = tmp_path / "filtered.py"
    start.write_text(
        textwrap.dedent(
            """\
            import ctypes, os, struct, sys
            NUMBER = {"x86_64": 272, "aarch64": 97, "riscv64": 97}[os.uname().machine]
            EPERM, ALLOW = 0x00050001, 0x7FFF0000
            program = b"".join(
                struct.pack("HBBI", *one)
                for one in [(0x20, 0, 0, 0), (0x15, 0, 1, NUMBER), (6, 0, 0, EPERM), (6, 0, 0, ALLOW)]
            )
            code = ctypes.create_string_buffer(program)
            class Program(ctypes.Structure):
                _fields_ = [("size", ctypes.c_ushort), ("code", ctypes.c_void_p)]
            libc = ctypes.CDLL(None, use_errno=True)
            libc.prctl(38, 1, 0, 0, 0)
            made = Program(4, ctypes.addressof(code))
            assert libc.prctl(22, 2, ctypes.byref(made), 0, 0) == 0, ctypes.get_errno()
            os.execv(sys.argv[1], sys.argv[1:])
            """
        )
    )
    for flags in ("+uts", "+user"):
        teach(
            f"flags {flags}",
            "run true",
            before=[NSH[0], str(start)],
            call="= -1 EPERM",
            cause="seccomp filter",
            works=False,
        )


def test_a_kernel_without_that_namespace_with_a_stubbed_look_at_proc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = os.path.lexists
    monkeypatch.setattr(os.path, "lexists", lambda path: "ns/time" not in path and there(path))
    found = unshare(errno.EINVAL, State(flags=("uts", "time")), Host())
    assert found is not None
    assert f"this kernel ({os.uname().release}) has no time namespaces" in found.cause
    assert found.fixes == ("flags -time",)


@needs.AROUND
def test_pid_1_of_a_namespace_made_without_a_fork_is_dead() -> None:
    teach(
        "run true",
        "!true",
        before=["unshare", "-p"],
        call="clone(child_stack=NULL, flags=SIGCHLD) = -1 ENOMEM (Cannot allocate memory)",
        cause="unshare -p without -f",
        fixes=["quit"],
        works=False,
    )


@needs.AROUND
def test_pid_1_of_a_namespace_made_without_a_fork_has_no_parent_to_give() -> None:
    teach(
        "flags +pid",
        "run true",
        before=["unshare", "-p"],
        call="clone(child_stack=NULL, flags=CLONE_PARENT|SIGCHLD) = -1 EINVAL",
        cause="unshare -p without -f",
        fixes=["quit"],
        works=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without processes")
@pytest.mark.parametrize(
    ("limit", "lines", "call", "cause"),
    [
        (1, ["run true"], "flags=SIGCHLD) = -1 EAGAIN", "has 1 process, and the limit"),
        (
            2,
            ["flags +user +pid", "map root", "run true"],
            "flags=CLONE_PARENT|SIGCHLD) = -1 EAGAIN",
            "has 2 processes, and the limit",
        ),
    ],
)
def test_the_limit_on_processes_of_a_user(
    limit: int, lines: list[str], call: str, cause: str
) -> None:
    uid = str(50_000 + os.getpid() % 10_000)  # nobody has it, and no other session of these tests
    lonely = [word.replace(str(UID), uid) for word in unprivileged_command()]
    lesson = teach(
        *lines,
        start=["prlimit", f"--nproc={limit}", *lonely],
        call=f"clone(child_stack=NULL, {call}",
        cause=f"uid {uid} {cause}",
        works=False,
    )
    assert f"(RLIMIT_NPROC) is {limit}; as root" in lesson.cause
    assert "prlimit --pid" in lesson.cause


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup of the pids controller, removed at the end."""
    places = [Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")]
    top = next((place for place in places if (place / "cgroup.procs").exists()), None)
    if top is None:
        pytest.skip("no cgroup file system with the pids controller is mounted")
    made = top / f"nsh-test-{os.getpid()}"
    made.mkdir()
    yield made
    made.rmdir()


@needs.root("makes a cgroup")
def test_the_limit_on_processes_of_a_cgroup(cgroup: Path) -> None:
    if not (cgroup / "pids.max").exists():
        pytest.skip("the cgroup has no pids controller")
    # strace -f is not needed: the shell enters the cgroup and becomes nsh, its only process.
    teach(
        "run true",
        before=sh(f"echo $$ > {cgroup}/cgroup.procs; echo 1 > {cgroup}/pids.max"),
        call="= -1 EAGAIN",
        cause=f"nsh's cgroup may hold 1 processes and holds them already ({cgroup}/pids.max)",
        works=False,
    )


def test_threads_of_the_caller_do_not_matter_because_the_child_has_one(tmp_path: Path) -> None:
    # unshare(CLONE_NEWUSER) is EINVAL in a process with threads, but a fork copies only one.
    start = tmp_path / "threaded.py"
    start.write_text(
        "import sys, threading; sys.path.insert(0, sys.argv.pop(1))\n"
        "stop = threading.Event(); other = threading.Thread(target=stop.wait); other.start()\n"
        "from nsh.cli import main\n"
        "status = main(['-c', 'flags +user; map root; run id -u'])\n"
        "stop.set(); other.join(); sys.exit(status)\n"
    )
    root = str(Path(NSH[-1]).parent.parent)
    done = subprocess.run(
        [NSH[0], "-I", str(start), root], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("0\n", "", 0)
