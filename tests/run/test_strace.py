"""What a plan shows is what a launch does: plan, trace and strace(1) see the same calls.

Compared per process, in order, with all arguments. What only a run can know (descriptors, process
ids) is taken from what strace saw and put into the plan's slots; the address of the environment is
cut out. Left out, as `help plan` says: the child's reports, closing descriptors, signals, waiting.
"""

from __future__ import annotations

import base64
import pickle
import re
import subprocess
from pathlib import Path

import pytest

from nsh.call import PARENT, PID_1, Call, Plan, Polled, Slot
from nsh.parts.table import PARTS
from tests import needs
from tests.conftest import nsh
from tests.unprivileged import open_checkout, open_nsh, ordinary_user, unprivileged_command

ENV = {"PATH": "/nowhere:/usr/bin:/bin", "HOME": "/", "LC_ALL": "C", "NSH_TEST": 'a "b"\n'}
CALLS = (
    "pipe2,clone,clone3,fork,vfork,prctl,poll,unshare,mount,umount2,sethostname,setdomainname,"
    "chdir,execve,execveat,openat,write,read,readlink,wait4,waitid,setns,pivot_root,chroot,"
    "umask,setpriority,prlimit64,setgroups,setresgid,setresuid"
)
USER = ordinary_user(gaining=True)
SUBORDINATE = """
mount -t tmpfs none /mnt
echo 65534:200000:1000 > /mnt/ids
mount --bind /mnt/ids /etc/subuid
mount --bind /mnt/ids /etc/subgid
exec "$@"
"""
WITH_RANGES = ["unshare", "-m", "sh", "-ec", SUBORDINATE, "sh"]

EVERYTHING = """\
flags +all
map root
mount tmpfs {tmp} -o size=1m,nosuid
mount bind /etc {tmp} -o ro
umount {tmp} -l
mount proc /proc
hostname 'in"side'
domainname 'do\\main'
cd /usr
env NSH_MORE=x -u HOME
"""

EXAMPLES = [line for part in PARTS for line in part.examples]

WAITS = "rt_sigtimedwait"
"""Where an init stays: tests/run/test_strace_joins.py looks at that."""

STATES = {
    "nothing": ("", "run true", [], []),
    "pid and mnt": ("flags +pid +mnt\nmount proc /proc\n", "run true", [], []),
    "all eight": (EVERYTHING, "run sh -c exit", [], []),
    "time": ("flags +time\n", "run true", [], []),
    "propagation": ("flags +mnt\npropagation slave\n", "run true", [], []),
    "propagation of one mount": (
        "flags +mnt\nmount tmpfs /mnt\npropagation shared /mnt\npropagation runbindable /\n",
        "run true",
        [],
        [],
    ),
    "a line for sh": ("flags +uts\nhostname x\n", "sh true | true; exit", [], []),
    "another's own ids": ("flags +user +uts\nmap self\nhostname x\n", "run true", USER, []),
    "another as root": ("flags +user\nmap root\n", "run true", USER, []),
    "each part": ("\n".join(EXAMPLES) + "\n", "run true", [], []),
    "ranges of ids": ("flags +user +pid\nmap auto\n", "run true", USER, WITH_RANGES),
}

PLANNER = f"""
import base64, pickle, sys
sys.path.insert(0, {str(open_checkout())!r})
from nsh.plan.order import plan
from nsh.shell import Shell
from nsh.words import split
shell = Shell()
for line in sys.argv[1].splitlines():
    assert not shell.run_line(line) and not shell.status, line
first, _, rest = sys.argv[2].partition(" ")
argv = ["/bin/sh", "-c", rest, "sh"] if first == "sh" else split(rest)
print(base64.b64encode(pickle.dumps(plan(shell.state, argv, shell.host))).decode())
"""


def planned(before: list[str], state: str, command: str) -> Plan:
    result = subprocess.run(
        [*before, open_nsh()[0], "-I", "-c", PLANNER, state, command],
        env=ENV,
        cwd="/",
        capture_output=True,
        check=True,
        timeout=60,
    )
    found: Plan = pickle.loads(base64.b64decode(result.stdout))
    return found


def whole_lines(text: str) -> list[tuple[int, str]]:
    """strace -f's lines as (pid, call), where a call was interrupted by another's joined again."""
    begun: dict[int, tuple[int, str]] = {}
    lines: list[tuple[int, str]] = []
    for line in text.splitlines():
        pid, rest = int(line.split(None, 1)[0]), line.split(None, 1)[1]
        if rest.endswith("<unfinished ...>"):
            begun[pid] = len(lines), rest.removesuffix("<unfinished ...>").rstrip(" ")
            lines.append((pid, rest))
        elif resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", rest):
            at, first = begun.pop(pid)
            lines[at] = pid, first + (" " if first.endswith(",") else "") + resumed[1]
        else:
            lines.append((pid, rest))
    return lines


LOOKS = (
    r'openat\(AT_FDCWD, "/proc("|/(\d+|self)/(stat|status|task.*)")|read\(\d+, "(?!unshared|ready)'
)
"""What nsh looks up of a process that was made in another pid namespace."""


def is_bookkeeping(actor: str, call: str) -> bool:
    """Reports of a child and their reading, and waiting: left out of plans."""
    report = r'"\d+ -?\d+ \d+( !+)?\\n'
    return bool(
        (actor != PARENT and re.match(rf"write\(\d+, {report}", call))
        or (actor == PARENT and re.match(rf'read\(\d+, ({report}|"")', call))
        or (actor == PARENT and re.match(r"wait(id|4)\(.*WNOHANG", call))
        or (actor == PARENT and re.match(LOOKS, call))
        or (actor == PID_1 and re.match("wait4|prlimit64.*NULL, {", call))  # an init
    )


def seen_by_strace(
    text: str, plan: Plan
) -> tuple[dict[str, list[tuple[str, str]]], dict[str, int]]:
    """Each actor's calls as (text, result), up to its execve, and the values of the slots."""
    lines = whole_lines(text)
    actors = {lines[0][0]: PARENT}
    started = False
    values: dict[str, int] = {}
    calls: dict[str, list[tuple[str, str]]] = {}
    done: set[int] = set()
    gives = {actor: iter(gifts(plan, actor)) for actor in (PARENT, *plan.chain())}
    theirs: set[int] = set()  # what a command forks
    # A child's first calls may stand before the line in which its parent's clone returns.
    for pid, line in lines:
        started = started or line.startswith("pipe2(")
        if started and line.startswith("execve(") and line.endswith(" = 0"):
            done.add(pid)
        if not started or not (
            made := re.match(r"(?:clone3?|v?fork)\(.*= (?:\d+ /\* )?(\d+)", line)
        ):
            continue
        if pid in done or pid in theirs:
            theirs.add(int(made[1]))
            continue
        name = next(gives[actors[pid]])
        actors[int(made[1])] = name
        values[name] = int(made[1])
    started = False
    done.clear()
    opened = iter([call.fills[0] for call in plan.calls if call.name == "openat"])
    pipes = iter([call.fills for call in plan.calls if call.name == "pipe2"])
    for pid, line in lines:
        started = started or line.startswith("pipe2(")
        if not started or pid in done or pid in theirs or not re.match(r"\w+\(", line):
            continue
        actor = actors[pid]
        if is_bookkeeping(actor, line):
            continue
        call, _, result = re.sub(r" /\* \d+ in strace's.*", "", line).rpartition(" = ")
        call = re.sub(r"0x[0-9a-f]+ (/\* \d+ vars \*/)", r"envp \1", call.rstrip())
        calls.setdefault(actor, []).append((call, result))
        if call.startswith("execve(") and result == "0":
            done.add(pid)
        elif call.startswith("openat("):
            values[next(opened)] = int(result)
        elif ends := re.match(r"pipe2\(\[(\d+), (\d+)\]", call):
            values.update(zip(next(pipes), map(int, ends.groups()), strict=True))
    return calls, values


def gifts(plan: Plan, actor: str) -> list[str]:
    return [call.fills[0] for call in plan.calls if call.name == "clone" and call.actor == actor]


def of_actor(plan: Plan, actor: str, executions: int) -> list[Call]:
    """The actor's calls, with as many tries of execve as there were."""
    calls = [call for call in plan.calls if call.actor == actor and call.name != WAITS]
    first = next((at for at, call in enumerate(calls) if call.name == "execve"), len(calls))
    return calls[: first + executions]


@pytest.fixture
def tmp_readable(tmp_path: Path) -> Path:
    place = tmp_path / "in side"
    place.mkdir()
    return place


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=needs.SUBORDINATE if outer else needs.rights(state))
        for name, (state, _, _, outer) in STATES.items()
    ],
)
def test_plan_trace_and_strace_see_the_same(name: str, tmp_readable: Path) -> None:
    state, command, user, outer = STATES[name]
    state = state.format(tmp=f"'{tmp_readable}'")
    plan = planned([*outer, *user], state, command)
    output = tmp_readable.parent / "strace.txt"
    # strace stays root, so that set-user-ID programs are what they are without it.
    strace = [
        "strace",
        "-f",
        "--decode-pids=pidns",
        "-s",
        "65536",
        "-o",
        str(output),
        "-e",
        f"trace={CALLS}",
    ]
    subprocess.run(
        [*outer, *strace, *user, *open_nsh(), "-c", state, "-c", command],
        env=ENV,
        cwd="/",
        check=True,
        timeout=60,
    )
    calls, values = seen_by_strace(output.read_text(), plan)
    assert set(calls) == {call.actor for call in plan.calls}
    for actor, seen in calls.items():
        executions = [result for call, result in seen if call.startswith("execve(")]
        expected = [call.text(values) for call in of_actor(plan, actor, len(executions))]
        assert [call for call, _ in seen] == expected
        if executions:
            tries = 2 if actor == plan.last and command.startswith("run ") else 1
            assert (executions[-1], len(executions)) == ("0", tries)

    whoever = [*outer, *user, *open_nsh()]
    traced = nsh("-x", "-c", state, "-c", command, start=whoever, env=ENV, cwd="/")
    assert traced.returncode == 0
    assert_trace(traced.stderr, plan)

    if command.startswith("run "):
        command = command.replace("run ", "plan ", 1)
        shown = nsh("-c", state, "-c", command, start=whoever, env=ENV, cwd="/")
        assert_table(shown.stdout, plan)


def assert_trace(stderr: str, plan: Plan) -> None:
    lines = [
        (found[1], found[2], found[3])
        for line in stderr.splitlines()
        if (found := re.match(r"nsh: -c:\d+: \[(.*?)\] (.*) = (.*?)$", line))
    ]
    assert len(lines) == len(stderr.splitlines())
    lines = [line for line in lines if not line[1].startswith(WAITS)]
    values: dict[str, int] = {}
    for actor in {call.actor for call in plan.calls}:
        mine = [(text, result) for who, text, result in lines if who == actor]
        executions = len([text for text, _ in mine if text.startswith("execve(")])
        for call, (text, result) in zip(of_actor(plan, actor, executions), mine, strict=True):
            if call.name == "pipe2":
                numbers = re.findall(r"\d+", text.partition("[")[2])
                values.update(zip(call.fills, map(int, numbers), strict=False))
            elif call.fills:
                values[call.fills[0]] = int(result)
    for actor in {call.actor for call in plan.calls}:
        mine = [(text, result) for who, text, result in lines if who == actor]
        executions = len([text for text, _ in mine if text.startswith("execve(")])
        expected = [call.text(values) for call in of_actor(plan, actor, executions)]
        assert [text for text, _ in mine] == expected
        if executions:
            assert mine[-1][1] == "0"


def assert_table(stdout: str, plan: Plan) -> None:
    rows = [
        found[1]
        for line in stdout.splitlines()
        if (
            found := re.match(
                r" *\d+(?:-\d+)?  (?:parent|child 2|child|PID 1|command|new.idmap) +(.*)", line
            )
        )
    ]
    expected: list[str] = []
    before = ""
    for call in plan.calls:
        if not call.name == before == "execve":
            expected.append(call.text())
        before = call.name
    assert rows == expected


@needs.SUBORDINATE
def test_ranges_go_through_newuidmap() -> None:
    result = nsh(
        *("-c", "flags +user", "-c", "map auto", "-c", "run cat /proc/self/uid_map"),
        before=WITH_RANGES,
        start=unprivileged_command(gaining=True),
        cwd="/",
    )
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["0", "65534", "1"],
        ["1", "200000", "1000"],
    ]
    assert (result.stderr, result.returncode) == ("", 0)


def test_a_slot_is_not_filled_in_a_plan() -> None:
    plan = planned([], "flags +pid", "run true")
    args = [arg for call in plan.calls for arg in call.args]
    slots = [
        arg.slot if isinstance(arg, Polled) else arg
        for arg in args
        if isinstance(arg, Slot | Polled)
    ]
    assert slots
    assert all(slot.name in Call(PARENT, "close", (slot,), "").text() for slot in slots)


def test_one_variable_is_shown_as_strace_shows_it(tmp_readable: Path) -> None:
    seen = tmp_readable / "seen"
    result = nsh(
        *["-x", "-c", "run /bin/true"],
        before=["strace", "-f", "-o", str(seen), "-e", "trace=execve"],
        env={"LC_ALL": "C"},
    )
    line = 'execve("/bin/true", ["/bin/true"], envp /* 1 var */) = 0'
    assert line in result.stderr
    assert line in re.sub(r"0x[0-9a-f]+", "envp", seen.read_text())
