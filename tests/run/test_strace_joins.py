"""Plan, trace and strace(1) see the same calls, where a run joins namespaces, stays, or has an init.

All in one session, because what is joined lives only there: `plan`, then the run with `trace on`, the
whole under strace. Compared per process, in order, with arguments and results. What only the run can
know stands in the plan as the name of a slot: there the trace may have any number.

Left out, as in test_strace: reports, waiting, and what nsh looks up in /proc meanwhile. A keeper, an
init and a pause wait for ever; the plan ends where that begins.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.run.test_strace import CALLS, ENV, whole_lines
from tests.runs import processes
from tests.unprivileged import open_nsh, ordinary_user

MORE = f"{CALLS},pidfd_open,fchdir,setsid,rt_sigtimedwait"
USER = ordinary_user(gaining=True)
CHAIN = ("keeper", "child", "child 2", "child 3", "PID 1", "command")

Seen = dict[str, list[tuple[str, str]]]
"""The calls of each actor as (text, result)."""

WEB = ["flags +uts +net +pid +mnt", "mount proc /proc", "start web sleep 1000", "reset all"]
BASE = ["flags +user +uts +net", "map root", "start base", "reset all"]
DEEP = ["flags +pid", "start a", "join a", "start b", "join b", "start c", "reset all"]

STATES: dict[str, tuple[list[str], str]] = {
    "one namespace": ([*WEB, "join web uts"], "run true"),
    "several": ([*WEB, "join web net uts mnt"], "run true"),
    "a pid namespace": ([*WEB, "join web"], "run true"),
    "of two children": ([*WEB, *BASE, "join web net", "join base uts"], "run true"),
    "new ones on top": ([*WEB, "join web net pid", "flags +uts +pid", "hostname x"], "run true"),
    "a change of it": ([*WEB, "join web uts mnt", "hostname x", "mount tmpfs /tmp"], "run true"),
    "time on top": ([*WEB, "join web pid", "flags +time"], "run true"),
    "user on top": ([*WEB, "join web net", "flags +user", "map root"], "run true"),
    "pinned": ([*WEB, "pin web", "stop web", "join web uts net mnt"], "run true"),
    "a file": (["join uts /proc/self/ns/uts"], "run true"),
    "deep": ([*DEEP, "join c", "flags +pid +mnt", "mount proc /proc"], "run true"),
    "enter": (WEB, "enter web true"),
    "enter deep": (DEEP, "enter c true"),
    "start": (["flags +uts", "hostname x"], "start one sleep 1000"),
    "start with a pid namespace": (["flags +uts +pid"], "start one sleep 1000"),
    "a pause": (["flags +pid"], "start one"),
    "a pause in a pod": ([*WEB, "join web net", "flags +pid"], "start one"),
    "a pause deep": ([*DEEP, "join c", "flags +pid"], "start one"),
    "init": (["flags +pid", "init on"], "run true"),
    "init deep": ([*DEEP, "join b", "flags +pid", "init on"], "run sleep 0.2"),
    "start with init": (["flags +pid", "init on"], "start one sleep 1000"),
}
USER_STATES: dict[str, tuple[list[str], str]] = {
    "a user namespace": ([*BASE, "join base user"], "run true"),
    "all of it": ([*BASE, "join base"], "run true"),
    "in a user namespace": (
        [*BASE, "join base user net", "flags +user +uts +pid", "map root", "hostname x"],
        "run true",
    ),
    "pinned": ([*BASE, "pin base", "stop base", "join base user uts"], "run true"),
    "enter": (BASE, "enter base true"),
}


def result_of(text: str) -> tuple[str, str]:
    """A line of strace or of a trace as the call and its result, in one form."""
    call, _, result = text.rpartition(" = ")
    call = re.sub(r"0x[0-9a-f]+ (/\* \d+ vars? \*/)", r"envp \1", call.rstrip())
    if call.startswith("rt_sigtimedwait("):
        return call.partition("]")[0], ""
    return call, re.sub(r" /\*.*\*/$", "", result)


def is_bookkeeping(actor: str, text: str, reports: str = "none") -> bool:
    """Reports and their reading, what nsh says and looks up, waiting.

    ``reports``: the descriptor that children write them to.
    """
    if actor != "parent":
        return bool(
            re.match(
                rf"write\({reports}, (?!.(unshared|ready))|prlimit64\(0, RLIMIT_NOFILE, NULL", text
            )
        )
    looks = r'openat\(AT_FDCWD, "(/proc/\d+/(stat|status|task.*)|/proc/self/stat(us)?|/.*\.pyc?)"'
    lists = r'openat\(AT_FDCWD, "/.*", .*O_DIRECTORY'
    waits = r"(wait4|waitid|readlink|rt_sigtimedwait|read)\("
    return bool(re.match(rf"{waits}|write\([12],|{looks}|{lists}", text))


def told(stderr: str) -> Seen:
    """The trace."""
    found: Seen = {}
    for line in stderr.splitlines():
        traced = re.fullmatch(r"nsh: -c:\d+: \[(.*?)\] (.*)", line)
        assert traced, stderr
        if not is_bookkeeping(traced[1], traced[2]):
            found.setdefault(traced[1], []).append(result_of(traced[2]))
    return found


def ends(calls: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The calls of an actor up to where it becomes the command, or begins to wait for ever."""
    for at, (text, result) in enumerate(calls):
        if text.startswith("rt_sigtimedwait(") or (text.startswith("execve(") and result == "0"):
            return calls[: at + 1]
    return calls


def seen(output: str, trace: Seen) -> Seen:
    """What strace saw of the last run."""
    lines = whole_lines(output)
    parent = lines[0][0]
    pipes = [call for call, _ in trace["parent"] if call.startswith("pipe2(")]
    reports = re.findall(r"\d+", pipes[0])[2]
    begins = [at for at, (_, line) in enumerate(lines) if line.startswith(pipes[0])]
    lines = lines[begins[-1] :]
    actors = {parent: "parent"}
    names = iter([name for name in CHAIN if name in trace])
    for pid, line in lines:
        made = re.match(r"clone\(.* = (\d+)(?: /\* (\d+) in strace's PID NS \*/)?$", line)
        if made and pid in actors and (name := next(names, "")):
            actors[int(made[2] or made[1])] = name
    found: Seen = {}
    for pid, line in lines:
        if pid in actors and re.match(r"\w+\(", line):
            call = result_of(line)
            if not is_bookkeeping(actors[pid], line, reports):
                found.setdefault(actors[pid], []).append(call)
    for name in {"parent", "keeper"} & set(found):  # what follows is their own waiting
        del found[name][len(trace[name]) :]
    return {name: ends(calls) for name, calls in found.items()}


def assert_planned(stdout: str, trace: Seen) -> None:
    """Each row of the plan is what the trace has, but for the names of slots."""
    rows: dict[str, list[str]] = {}
    for line in stdout.splitlines():
        actors = "parent|keeper|child \\d|child|PID 1|command"
        row = re.match(rf" *\d+(?:-\d+)?  ({actors}) +(.*)", line)
        if row and not is_bookkeeping(row[1], row[2]):
            rows.setdefault(row[1], []).append(row[2])
    assert set(rows) == set(trace)
    for actor, planned in rows.items():
        calls = [text for text, _ in trace[actor]]
        executions = [text for text in calls if text.startswith("execve(")]
        shown = [text for text in calls if text not in executions[1:]]
        assert len(planned) == len(shown), (planned, shown)
        for text, call in zip(planned, shown, strict=True):
            assert re.fullmatch(_pattern(text), call), (text, call)


def _pattern(text: str) -> str:
    if text.startswith("rt_sigtimedwait("):
        text = text.partition("]")[0]
    if text.startswith("execve("):
        return r"execve\(.*"
    escaped = re.escape(text)
    slots = (
        r"(?:reports|go|asks)\\\[[01]\\\]|joined\\\[\d\\\](?:\\ \w+)?|\w+\\ fd|CHILD(?:_\d)?|PID_1"
    )
    return re.sub(slots, r"\\d+", escaped)


def agree(lines: list[str], command: str, user: list[str], place: Path) -> Seen:
    output = place / "strace.txt"
    strace = ["strace", "-f", "--decode-pids=pidns", "-s", "65536", "-o", str(output)]
    word, _, rest = command.partition(" ")
    plan = [f"plan {rest}"] if word == "run" else []
    session = [each for line in [*lines, *plan, "trace on", command] for each in ("-c", line)]
    done = subprocess.run(
        [*strace, "-e", f"trace={MORE}", *user, *open_nsh(), "-e", *session],
        env=ENV,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    trace = told(done.stderr)
    assert seen(output.read_text(), trace) == {name: ends(each) for name, each in trace.items()}
    if plan:
        assert_planned(done.stdout, trace)
    return trace


@needs.NAMESPACES
@pytest.mark.parametrize("name", STATES)
def test_plan_trace_and_strace_see_the_same(name: str, tmp_path: Path) -> None:
    trace = agree(*STATES[name], [], tmp_path)
    if "join" in " ".join(STATES[name][0][-3:]):
        assert any(text.startswith("setns(") for text, _ in trace["child"])


@pytest.mark.parametrize("name", USER_STATES)
@pytest.mark.parametrize("user", [pytest.param([], id="as oneself"), pytest.param(USER, id="user")])
def test_also_with_user_namespaces(name: str, user: list[str], tmp_path: Path) -> None:
    trace = agree(*USER_STATES[name], user, tmp_path)
    assert any(text.startswith("setns(") for text, _ in trace["child"])


@needs.NAMESPACES
def test_a_process_by_its_number_and_a_file_of_it(tmp_path: Path, stranger: int) -> None:
    for target in (str(stranger), f"/proc/{stranger}/ns/uts"):
        agree([f"join {target} uts"], "run true", [], tmp_path)


@pytest.fixture
def stranger() -> Iterator[int]:
    """A process in a uts namespace that is none of nsh's."""
    mark = f"stranger {id(object())}"
    process = subprocess.Popen(["unshare", "-u", "sh", "-c", f"echo in; read x; : {mark}"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"in\n"
    yield process.pid
    assert process.pid in processes("stat")
    process.communicate(b"\n", timeout=30)
