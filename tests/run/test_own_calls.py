"""A system call of nsh itself fails: one line says so, nothing is left, and the shell goes on.

The calls of a plan are the subject of test_faults.py; here it is what nsh does around them.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import NSH, ROOT, nsh
from tests.runs import marked
from tests.screen import Start

ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
FDS = "for i in $(seq 100); do [ $(ls /proc/$PPID/fd | wc -l) = 3 ] && break; sleep 0.02; done"
CHECKS = [
    ("reset", ""),
    (f"!{FDS}; ls /proc/$PPID/fd", "0\n1\n2\n"),
    ("!ps -o stat=,comm= --ppid $PPID | grep -v -e ' ps$' -e ' sh$' -e ' grep$'", "[1]\n"),
    ("run grep SigBlk /proc/self/status", "SigBlk:\t0000000000000000\n"),
    ("run echo alive", "alive\n"),
]
"""What is run after the line in which a call failed, and what that writes if nothing is left of it.

The shell's end of the pipe of a run is closed a moment after the command has begun.
"""
OWN = "a system call of nsh itself failed: "


def under_strace(
    place: Path, line: str, *options: str, trace: str = ""
) -> tuple[int, list[str], str]:
    """Run a line, and the checks, with nsh, but not its children, under strace.

    Gives the status, what the checks have written, and what nsh has said.
    """
    (place / "mark.nsh").touch()
    path = place / "script.nsh"
    # How often nsh looks whether a command has ended is a matter of luck: none before the line then.
    warm = "flags" if trace.startswith(("wait4", "rt_sigtimedwait")) else "run true"
    path.write_text("\n".join([warm, f"source {place}/mark.nsh", line, *dict(CHECKS)]))
    log = ["-o", str(place / "log"), "-e", f"trace={trace}"]
    # To a file: then nsh writes what it has said before each command, and not after each line.
    with open(place / "out", "w") as out:
        done = subprocess.run(
            ["strace", "-qq", *log, *options, *NSH, "-v", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            env=ENV,
            timeout=30,
            check=False,
        )
    wrote = []
    text = (place / "out").read_text()
    for check, _ in CHECKS:
        text = text.partition(f"nsh> {check}\n")[2]
        wrote.append(text.partition("nsh> ")[0])
    return done.returncode, wrote, done.stderr.decode().replace(f"{path}:", "")


def which(place: Path, line: str, call: str, pattern: str) -> int:
    """Which of nsh's calls of that name is the first of the line that fits the pattern."""
    under_strace(place, line, trace=f"{call},openat")
    before, _, after = (place / "log").read_text().partition("mark.nsh")
    begun = len(re.findall(rf"^{call}\(", before, re.MULTILINE))
    for number, text in enumerate(re.findall(rf"^{call}\(.*", after, re.MULTILINE), begun + 1):
        if re.match(pattern, text):
            return number
    raise AssertionError(f"nsh makes no such call: {pattern}")


RUN = "run true"
NS = "flags +pid; ns"
NOSUCH = "run nosuch"
CASES = [
    # what nsh does, the line in which it fails, the call, its errno, what is said
    ("blocks signals", RUN, r"rt_sigprocmask\(SIG_BLOCK", "EIO", OWN),
    ("lets signals in again", RUN, r"rt_sigprocmask\(SIG_SETMASK, \[\]", "EIO", OWN),
    ("waits for a report", RUN, r"ppoll\(", "ENOMEM", OWN),
    ("reads the last report", RUN, r'read\(\d+, "", 64', "EIO", OWN),
    ("reads the last of two", "flags +pid; run true", r'read\(\d+, "", 64', "EIO", OWN),
    ("waits for the command", RUN, r"wait4\(", "EIO", OWN),
    ("waits for a signal", "run sleep 0.1", r"rt_sigtimedwait\(", "EIO", OWN),
    ("lets a traced command go", "trace on; run true", r"ptrace\(", "EIO", OWN),
    ("makes a file for the output", "diff true", r"memfd_create\(", "EMFILE", OWN),
    ("opens what diff gives as input", "diff true", r"openat\(.*/dev/null", "EMFILE", OWN),
    ("reads what diff has kept", "diff true", r"lseek\(.*SEEK_SET", "EIO", OWN),
    ("lets the child of ns end", NS, r'write\(\d+, "go', "EIO", "write("),
    ("looks at the child of ns", NS, r"readlink\(./proc/\d+/ns", "EIO", "readlink("),
    ("waits for the child of ns", NS, r"ppoll\(", "EIO", "read("),
    ("ends a child that failed", NOSUCH, r"kill\(", "EIO", "execve("),
    ("waits for a child that failed", NOSUCH, r"wait4\(.*, 0, NULL", "EIO", "execve("),
    ("loads an explanation", "explain pid", r"openat\(.*topics", "EMFILE", OWN),
    ("looks for a part of itself", "lesson", r"getdents64\(", "EMFILE", OWN),
]


@pytest.mark.parametrize(("what", "line", "pattern", "error", "says"), CASES, ids=lambda v: v[:30])
def test_a_call_fails_once(
    what: str, line: str, pattern: str, error: str, says: str, tmp_path: Path
) -> None:
    call = pattern.partition("\\")[0]
    number = which(tmp_path, line, call, pattern)
    inject = f"inject={call}:error={error}:when={number}"
    status, wrote, told = under_strace(tmp_path, line, "-e", inject, trace=call)
    assert "INJECTED" in (tmp_path / "log").read_text()
    assert "Traceback" not in told
    said = [text for text in told.splitlines() if ": [" not in text]  # without the trace
    assert said[0].startswith(f"nsh: 3: {says}"), said
    assert said[-1].startswith("nsh: 3: try: "), said
    assert len(said) == (2 if says == OWN else 3)
    assert (status, wrote) == (0, [expected for _, expected in CHECKS])


@pytest.mark.parametrize("call", ["wait4", "rt_sigtimedwait"])
def test_a_call_fails_from_then_on(call: str, tmp_path: Path) -> None:
    mark = f"1000.{os.getpid()}"
    line = f"sh sleep {mark} & sleep {mark}"
    inject = f"inject={call}:error=EIO:when=1+"
    status, _, told = under_strace(tmp_path, line, "-e", inject, trace=call)
    assert told.splitlines()[:2] == [f"nsh: 3: {OWN}Input/output error", "nsh: 3: try: quit"]
    assert status == 125
    assert "Traceback" not in told
    assert not marked(mark)


def test_a_call_that_fails_where_nothing_can_be_opened_is_named_all_the_same() -> None:
    lines = ["run true", "!prlimit --pid $PPID --nofile=3:", "run true", "reset"]
    result = nsh("-v", "-c", "\n".join(lines), env=ENV)
    [first, second] = result.stderr.splitlines()
    assert first.startswith("nsh: -c:3: pipe2: Too many open files; why cannot be found out: ")
    assert second == "nsh: -c:3: try: quit"
    assert result.stdout.endswith("nsh> run true\n[125]\nnsh> reset\n")


@pytest.mark.parametrize("free", range(1, 6))
def test_few_descriptors_from_the_start(free: int) -> None:
    lines = ["run true", "flags +user", "map root", "run true", "diff true", "explain", "lesson"]
    limit = ["sh", "-c", f'ulimit -n {4 + free}; exec "$@"', "sh"]
    result = nsh("-c", "\n".join([*lines, "reset", "run echo alive"]), before=limit, env=ENV)
    assert "Traceback" not in result.stderr
    assert result.stdout.endswith("alive\n")


# A kernel's -1 that is no errno: the C library takes what is greater than any errno as a result.
SILENT = "retval=0xffffffff"


@pytest.mark.parametrize(
    ("call", "line"), [("unshare", "unshare(CLONE_NEWUTS)"), ("clone", "clone(child_stack=NULL, ")]
)
def test_a_call_that_fails_without_an_errno(call: str, line: str, tmp_path: Path) -> None:
    lines = "flags +uts; trace on\nrun true\ntrace off\nreset\nrun echo alive"
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:{SILENT}:when=1"]
    strace = ["strace", "-f", "-qq", "-o", str(tmp_path / "log"), *inject]
    result = nsh("-v", "-c", lines, before=strace, env=ENV)
    said = [text.removeprefix("nsh: -c:2: ") for text in result.stderr.splitlines()]
    traced = [text for text in said if text.startswith("[") and f" {call}(" in text]
    assert len(traced) == 1
    assert traced[0].endswith(" = -1")
    assert len([text for text in said if " execve(" in text]) == 0
    assert said[-3].startswith(line)
    assert said[-3].endswith(" = -1")
    assert said[-2].startswith(f"{call} failed without saying why: it set no errno")
    assert said[-1] == "try: quit"
    assert "nsh> run true\n[125]\n" in result.stdout
    assert result.stdout.endswith("alive\n")


@pytest.mark.parametrize("name", ["mount", "sethostname", "chdir", "execve", "prctl", "poll"])
def test_each_call_of_a_child_may_fail_without_an_errno(name: str) -> None:
    # A call before has failed, and its errno is still there when this one sets none.
    driver = f"""
import ctypes, sys
sys.path.insert(0, {str(ROOT)!r})
from nsh import cli
from nsh.linux import syscalls
real = syscalls.in_c
failing = [True]
def in_c(name, args):
    if name == {name!r} and failing:
        failing.clear()
        return lambda *_: -1, args
    return real(name, args)
def close(fd):
    ctypes.set_errno(9)
    return -1
syscalls.in_c, syscalls.close = in_c, close
sys.exit(cli.main(["-v", "-c", "flags +mnt +uts; mount tmpfs /mnt; hostname box; cd /usr",
    "-c", "run true", "-c", "reset", "-c", "run echo alive"]))
"""
    result = subprocess.run(
        [NSH[0], "-I", "-c", driver],
        env=ENV,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    first, second, *_ = result.stderr.splitlines()
    assert re.fullmatch(rf"nsh: -c:2: {name}\(.*\) = -1", first)
    assert second.startswith(f"nsh: -c:2: {name} failed without saying why")
    status = 126 if name == "execve" else 125
    assert result.stdout.endswith(
        f"nsh> run true\n[{status}]\nnsh> reset\nnsh> run echo alive\nalive\n"
    )


def test_diff_writes_no_map_under_the_proc_of_others(tmp_path: Path) -> None:
    log = ["strace", "-f", "-qq", "-o", str(tmp_path / "log"), "-e", "trace=openat,execve"]
    lines = "flags +user; map root\nrun true\ndiff true\nreset\ndiff true"
    result = nsh("-v", "-c", lines, before=["unshare", "-pf", "--kill-child", *log])
    of_run = [text.removeprefix("nsh: -c:2: ") for text in result.stderr.splitlines()[:2]]
    of_diff = [text.removeprefix("nsh: -c:3: ") for text in result.stderr.splitlines()[2:]]
    assert of_run == of_diff
    assert "means another process there" in of_run[0]
    assert "nsh> diff true\n[125]\nnsh> reset\nnsh> diff true\nno difference\n" in result.stdout
    calls = (tmp_path / "log").read_text()
    assert 'execve("/usr/bin/true"' in calls or 'execve("/bin/true"' in calls
    assert not re.search(r"[ug]id_map.*O_WRONLY", calls)


def test_as_pid_1_nsh_reaps_what_diff_leaves() -> None:
    lines = [
        "diff sh -c 'sleep 0 & exit'",
        "!until ! ps -eo stat,comm | grep -q '^[^Z].* sleep$'; do :; done",
        "diff true",
        "!ps -eo stat,comm | grep '^Z'",
    ]
    result = nsh("-c", "\n".join(lines), before=["unshare", "-pf", "--mount-proc"])
    assert (result.stdout, result.stderr) == ("no difference\n" * 2, "")
    assert result.returncode == 1


def test_ctrl_z_during_a_diff_without_job_control_is_told_of_once(start: Start) -> None:
    tty = start()
    tty.line("diff sh -c 'echo started >/dev/tty; exec sleep 1000'")
    tty.until("\nstarted")
    tty.keys("C-z")
    tty.until("Ctrl-Z stops nothing: neither nsh nor what started it has job control")
    tty.keys("C-z")
    tty.keys("C-c")
    screen = tty.until("[130]")
    assert screen.count("stops nothing") == 1
    tty.ready()


LESSON = str(ROOT / "nsh" / "course" / "lessons" / "skeleton.nsh.md")
PRINTING = {
    "explain": ["-c", "explain"],
    "help": ["-c", "help"],
    "runs": ["-c", "run true; help; run true; help"],
    "trace": ["-x", "-c", "run true; run true; show; help; flags"],
    "usage": ["--help"],
    "check": ["--check", LESSON],
    "test": ["--test", "TRANSCRIPT"],
    "update": ["--update", "--yes", "TRANSCRIPT"],
}


@pytest.fixture(params=PRINTING, ids=list(PRINTING))
def printing(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The words that start an nsh which has much or little to print."""
    transcript = tmp_path / "x.nsh.md"
    transcript.write_text("```nsh\nnsh> run echo a\na\n```\n")
    words = [str(transcript) if word == "TRANSCRIPT" else word for word in PRINTING[request.param]]
    return [*NSH, *words]


def test_nobody_reads_any_more(printing: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            printing, stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE, timeout=60
        )
    finally:
        os.close(writer)
    assert [line for line in done.stderr.splitlines() if b" [" not in line] == []
    assert done.returncode == -signal.SIGPIPE


@pytest.mark.parametrize(
    ("where", "why"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
def test_output_that_cannot_be_written(printing: list[str], where: str, why: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {where}', "sh", *printing],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if " [" not in line]
    assert said == [f"nsh: cannot write to standard output: {why}"]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("call", "when"), [("epoll_create1", 2), ("socketpair", 1), ("epoll_wait", 9)]
)
def test_a_line_editor_that_cannot_go_on_leaves_a_plain_prompt(
    call: str, when: int, start: Start, tmp_path: Path
) -> None:
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:error=EMFILE:when={when}"]
    tty = start(prefix=["strace", "-qq", "-o", str(tmp_path / "log"), *inject])
    screen = tty.until("the prompt has no keys but the terminal's")
    assert f"nsh: {OWN}Too many open files\n" in screen
    tty.type("run echo al''ive; quit")
    tty.keys("Enter")
    screen = tty.until("left 0\nicanon,echo")
    assert "\nalive" in screen
    assert "Traceback" not in screen
    assert "Exception" not in screen
    assert "Warning" not in screen


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("os.kill(os.getpid(), 9)", 137, 0),
        ("raise OSError(5, 'no report')", 125, 2),
    ],
)
@pytest.mark.parametrize("line", ["ns", "run sleep 1000"])
def test_a_child_that_cannot_report_the_next(what: str, status: int, said: int, line: str) -> None:
    # The next one is there, unknown to nsh; that of ns waits for nsh.
    driver = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from nsh import cli
me, real = os.getpid(), os.write
def write(fd, data):
    if os.getpid() != me and data.endswith(b" 0\\n"):
        {what}
    return real(fd, data)
os.write = write
left = "!ps -o stat=,comm= --ppid $PPID | grep -v -e ' ps$' -e ' sh$' -e ' grep$'"
sys.exit(cli.main(["-v", "-c", "flags +pid", "-c", {line!r}, "-c", "reset", "-c", left]))
"""
    result = subprocess.run(
        [NSH[0], "-I", "-c", driver],
        env=ENV,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    own = [f"nsh: -c:2: {OWN}a child could not report to nsh", "nsh: -c:2: try: quit"]
    assert result.stderr.splitlines() == own[:said]
    assert f"[{status}]\nnsh> reset\nnsh> !ps" in result.stdout
    assert result.stdout.endswith("[1]\n")
