"""Every call of a plan fails once, by strace's fault injection: nsh names it, cleans up, goes on."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nsh.call import CHILD, PARENT, Call, Plan, Slot
from nsh.plan.order import plan
from nsh.shell import Shell
from nsh.words import split
from tests import needs
from tests.conftest import NSH, ROOT
from tests.runs import children, until
from tests.unprivileged import nsh_unprivileged

ENV = {"PATH": "/usr/bin", "LC_ALL": "C"}
STATE = """\
flags +all
map root
setgroups deny
mount tmpfs /mnt -o size=1m
mount bind /etc /mnt -o ro
umount /mnt
hostname inside
domainname domain
cd /usr
"""
COMMAND = "run echo inside"
ERRORS = {
    "pipe2": "EMFILE",
    "clone": "EAGAIN",
    "prctl": "EINVAL",
    "poll": "ENOMEM",
    "unshare": "ENOSPC",
    "write": "EIO",
    "read": "EIO",
    "openat": "EACCES",
    "mount": "EPERM",
    "umount2": "EBUSY",
    "sethostname": "EPERM",
    "setdomainname": "EPERM",
    "chdir": "EACCES",
    "execve": "ENOENT",
}


def the_plan() -> Plan:
    shell = Shell()
    shell.host.environ = ENV
    for line in STATE.splitlines():
        assert not shell.run_line(line)
        assert not shell.status
    return plan(shell.state, split(COMMAND)[1:], shell.host)


PLAN = the_plan()


def tree(pid: int) -> list[str]:
    """Descriptors, threads and children (zombies too) of a process: what a failure may not leave."""
    found = [
        f"fd {fd} {os.readlink(f'/proc/{pid}/fd/{fd}')}" for fd in os.listdir(f"/proc/{pid}/fd")
    ]
    found += [f"thread {task}" for task in os.listdir(f"/proc/{pid}/task")]
    found += [f"child {child} {state}" for child, state in children(pid).items()]
    return sorted(found)


class Session:
    """A nsh that reads lines from a pipe, with its output in files."""

    def __init__(self, process: subprocess.Popen[bytes], place: Path) -> None:
        self.process = process
        self.place = place

    def say(self, lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(lines.encode())
        self.process.stdin.flush()

    def stdout(self) -> str:
        return (self.place / "stdout").read_text()

    def stderr(self) -> str:
        return (self.place / "stderr").read_text()

    def reach(self, mark: str) -> None:
        """Wait until nsh has done all lines so far."""
        self.say(f"flags {mark}\n")
        until(lambda: mark in self.stderr(), mark)

    @contextmanager
    def under_strace(self, *options: str) -> Iterator[None]:
        log = ["strace", "-f", "-p", str(self.process.pid), "-o", str(self.place / "strace")]
        strace = subprocess.Popen([*log, *options], stderr=subprocess.PIPE)
        assert strace.stderr is not None
        try:
            assert b"attached" in strace.stderr.readline()
            yield
        finally:
            strace.send_signal(signal.SIGTERM)
            strace.wait(30)
            strace.stderr.close()


@contextmanager
def session(place: Path) -> Iterator[Session]:
    with open(place / "stdout", "wb") as out, open(place / "stderr", "wb") as err:
        process = subprocess.Popen(
            [*NSH, "-v"], stdin=subprocess.PIPE, stdout=out, stderr=err, env=ENV
        )
    try:
        found = Session(process, place)
        # Everything is imported and found out before the counting begins.
        found.say("flags +user\nmap root\nrun true\nreset\nrun nosuch\nshow\n")
        found.reach("begun")
        yield found
    finally:
        process.kill()
        process.communicate()


@contextmanager
def counted_from_here(shell: Session, *options: str) -> Iterator[None]:
    """Under strace from a known place on: all lines are read, and nsh waits for a command.

    The first write, read, clone and so on that nsh itself makes are not those of the run that is to
    fail. So a child's first one can be made to fail without the parent's at the same time.
    """
    gate = shell.place / "gate"
    os.mkfifo(gate)
    descriptors = Path(f"/proc/{shell.process.pid}/fd")
    idle = os.listdir(descriptors)
    shell.say(f"run cat {gate}; save {shell.place}/state\nrun true\n{STATE}{COMMAND}\n")
    fd = os.open(gate, os.O_WRONLY)  # waits for cat
    try:
        # That cat runs nsh learns by a last read of its pipe, which it closes then.
        until(lambda: os.listdir(descriptors) == idle, "nsh to wait for cat")
        with shell.under_strace(*options):
            os.close(fd)
            fd = -1
            yield
    finally:
        if fd >= 0:
            os.close(fd)


@pytest.fixture(scope="module")
def before_the_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How often nsh itself makes each call before the run in which one is to fail."""
    place = tmp_path_factory.mktemp("count")
    with session(place) as shell:
        with counted_from_here(shell, "-e", f"trace={','.join(ERRORS)}"):
            shell.reach("counted")
        assert "inside\n" in shell.stdout()
        pid = str(shell.process.pid)
    counts = dict.fromkeys(ERRORS, 0)
    for line in (place / "strace").read_text().splitlines():
        name = re.match(rf"{pid} +(\w+)\(", line)
        if not name:
            continue
        if name[1] == "pipe2" and counts["pipe2"] == 1:  # `run true` has one
            return counts
        counts[name[1]] += 1
    raise AssertionError("the run made no pipe")


def faults() -> list[tuple[str, Call, str, int]]:
    """(what, call, error, which of the actor's calls of that name): one for each call of the plan."""
    found = []
    counts: dict[tuple[str, str], int] = {}
    for call in PLAN.calls:
        counts[call.actor, call.name] = count = counts.get((call.actor, call.name), 0) + 1
        if call.actor == PLAN.last and call.name in ("prctl", "poll"):
            continue  # strace would hit the child's as well: see the test of these two
        found.append((f"{call.actor} {call.name} {count}", call, ERRORS[call.name], count))
    call = PLAN.calls[-1]
    found.append(("not executable", call, "EACCES", 1))
    return found


@pytest.mark.parametrize(("what", "call", "error", "count"), faults(), ids=lambda v: str(v)[:30])
def test_each_call_may_fail(
    what: str,
    call: Call,
    error: str,
    count: int,
    tmp_path: Path,
    before_the_run: dict[str, int],
) -> None:
    if call.actor == PARENT:
        count += before_the_run[call.name]
    with session(tmp_path) as shell:
        before = tree(shell.process.pid)
        inject = f"inject={call.name}:error={error}:when={count}"
        with counted_from_here(shell, "-e", f"trace={call.name}", "-e", inject):
            shell.reach("injected")
            assert tree(shell.process.pid) == before
        shell.say("reset\nrun echo alive\n")
        shell.process.communicate(timeout=30)
        assert shell.process.returncode == 0
    said = [line.partition(": stdin:")[2] for line in shell.stderr().splitlines()]
    number = getattr(errno, error)
    result = f" = -1 {error} ({os.strerror(number)})"
    assert any(re.fullmatch(r"\d+: " + pattern(call) + re.escape(result), line) for line in said), (
        shell.stderr()
    )
    status = {"ENOENT": 127, "EACCES": 126}[error] if call.name == "execve" else 125
    assert f"nsh> {COMMAND}\n[{status}]\n" in shell.stdout()
    assert shell.stdout().endswith("nsh> reset\nnsh> run echo alive\nalive\n")
    assert "Traceback" not in shell.stderr()


def pattern(call: Call) -> str:
    """The call as it is printed, with numbers in the place of the slots."""
    names = {call.actor for call in PLAN.calls} | {
        arg.name for each in PLAN.calls for arg in each.args if isinstance(arg, Slot)
    }
    names |= {name for each in PLAN.calls for name in each.fills}
    text = re.escape(call.text(dict.fromkeys(names, 987654321)))
    return text.replace("987654321", r"\S+").replace("envp", r"\w+")


@needs.NAMESPACES
@pytest.mark.parametrize("name", ["prctl", "poll"])
def test_the_second_process_may_fail_too(name: str) -> None:
    # strace counts the calls of each process, and both processes make these once; so the second
    # one is made to fail inside nsh.
    driver = f"""
import ctypes, sys
sys.path.insert(0, {str(ROOT)!r})
from nsh import cli
from nsh.linux import syscalls
real, counted = syscalls.in_c, []
def fails(*args):
    ctypes.set_errno(12)
    return -1
def in_c(name, args):
    if name == {name!r}:
        counted.append(args)
        if len(counted) == 2:
            return fails, args
    return real(name, args)
syscalls.in_c = in_c
sys.exit(cli.main(["-v", "-c", "flags +pid", "-c", "run true", "-c", "reset", "-c", "run echo alive"]))
"""
    result = subprocess.run(
        [sys.executable, "-I", "-c", driver], env=ENV, capture_output=True, text=True, timeout=60
    )
    assert re.match(rf"nsh: -c:2: {name}\(.*\) = -1 ENOMEM \(", result.stderr)
    assert result.stdout.splitlines()[1:] == [
        "nsh> run true",
        "[125]",
        "nsh> reset",
        "nsh> run echo alive",
        "alive",
    ]


def test_the_last_call_of_the_test_plan_is_execve() -> None:
    assert (PLAN.calls[-1].name, len(faults())) == ("execve", len(PLAN.calls) - 1)
    assert {call.actor for call in PLAN.calls} == {PARENT, CHILD, "PID 1"}


def test_no_free_descriptor(tmp_path: Path) -> None:
    # With few descriptors each of the calls that make one fails in turn; nsh says so and goes on.
    with session(tmp_path) as shell:
        limits = ("prlimit", "--pid", str(shell.process.pid))
        fds = len(os.listdir(f"/proc/{shell.process.pid}/fd"))
        before = tree(shell.process.pid)
        for free in range(5):
            subprocess.run([*limits, f"--nofile={fds + free}:1024"], check=True)
            shell.say("flags +user\nmap root\nrun true\nreset\n")
            shell.reach(f"free{free}")
            assert tree(shell.process.pid) == before
        subprocess.run([*limits, "--nofile=1024:1024"], check=True)
        shell.say("run echo alive\n")
        shell.process.communicate(timeout=30)
    failed = re.findall(r"(\w+)\(.*\) = -1 EMFILE", shell.stderr())
    assert failed == ["pipe2", "pipe2", "pipe2", "pipe2"]
    assert shell.stdout().endswith("alive\n")
    assert "Traceback" not in shell.stderr()


def test_newuidmap_says_no() -> None:
    script = "flags +user\nuidmap 0 3000000 10\nrun true\nreset\nrun echo alive\n"
    result = nsh_unprivileged("-v", stdin=script, env=ENV)
    assert "newuidmap" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout.endswith("nsh> run true\n[125]\nnsh> reset\nnsh> run echo alive\nalive\n")

    result = nsh_unprivileged("-v", stdin=script, before=["env", "PATH=/nowhere"], env=ENV)
    assert re.search(r'execve\("/nowhere/newuidmap", .*\) = -1 ENOENT', result.stderr)
    assert "nsh> run true\n[125]\n" in result.stdout
