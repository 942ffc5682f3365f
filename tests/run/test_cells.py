"""Plans made by hand: what a call of a child gives is there for its later calls; any number of actors."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nsh.call import (
    CHILD,
    FORK,
    FORK_SIBLING,
    PARENT,
    Call,
    Ends,
    Environment,
    Plan,
    Slot,
    Vector,
)
from nsh.host import Host
from nsh.linux.constants import AT_FDCWD, CLONE_PARENT, O_CLOEXEC
from nsh.linux.mountflags import MS_BIND, MS_PRIVATE, MS_REC
from nsh.plan.order import plan
from nsh.run.perform import CallFailed, launch, start
from nsh.run.running import Outcome
from nsh.state import START
from tests.runs import children

CLONE_NEWNS = 0x20000
READ = os.O_RDONLY | os.O_DIRECTORY

PIPE = Call(
    PARENT,
    "pipe2",
    (Ends(("reports[0]", "reports[1]")), O_CLOEXEC),
    "for reports",
    fills=("reports[0]", "reports[1]"),
)
FORKED = Call(PARENT, "clone", (FORK,), "fork", fills=(CHILD,), closes=("reports[1]",))


def call(name: str, *args: object, fills: str = "", closes: str = "", actor: str = CHILD) -> Call:
    return Call(actor, name, args, "", tuple(fills.split()), tuple(closes.split()))


def execve(*argv: str, actor: str = CHILD) -> Call:
    return call("execve", argv[0], Vector(argv), Environment(["LC_ALL=C"]), actor=actor)


def made_of(*calls: Call, last: str = CHILD) -> Plan:
    return Plan((PIPE, FORKED, *calls), last, START, ("command",))


class Told:
    """The trace of a run, its calls as text with their results, and what its command wrote."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, int]] = []
        self.output = ""
        self.outcome: Outcome | None = None

    def add(self, each: Call, values: dict[str, int], result: int, error: int) -> None:
        self.lines.append((each.actor, each.text(values), -error or result))


@contextmanager
def nothing_left() -> Iterator[None]:
    before = sorted(os.listdir("/proc/self/fd")), children(os.getpid())
    yield
    assert (sorted(os.listdir("/proc/self/fd")), children(os.getpid())) == before


def run(wanted: Plan, traced: bool = False, status: int = 0) -> Told:
    told = Told()
    read, write = os.pipe()
    try:
        with nothing_left():
            told.outcome = launch(wanted, told.add if traced else None, streams=(0, write, 2))
        os.close(write)
        write = -1
        with open(read, closefd=False) as file:
            told.output = file.read()
    finally:
        os.close(read)
        if write >= 0:
            os.close(write)
    assert told.outcome.status == status
    return told


@pytest.fixture(params=[False, True], ids=["plain", "traced"])
def traced(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_descriptor_that_the_child_opened_is_there_for_its_next_call(traced: bool) -> None:
    told = run(
        made_of(
            call("openat", AT_FDCWD, "/proc", READ, fills="dir"),
            call("fchdir", Slot("dir"), closes="dir"),
            execve("/bin/pwd"),
        ),
        traced,
    )
    assert told.output == "/proc\n"
    if traced:
        # A trace knows what it was, as strace(1) would.
        fd = next(result for _, text, result in told.lines if text.startswith("openat("))
        assert fd > 2
        assert (CHILD, f"fchdir({fd})", 0) in told.lines


def test_a_text_around_a_descriptor(traced: bool) -> None:
    told = run(
        made_of(
            call("openat", AT_FDCWD, "/usr", READ, fills="dir"),
            call("chdir", Slot("dir", "/proc/self/fd/", "/bin/..")),
            execve("/bin/pwd"),
        ),
        traced,
    )
    assert told.output == "/usr\n"
    if traced:
        assert any(
            re.fullmatch(r'chdir\("/proc/self/fd/\d+/bin/\.\."\)', text)
            for _, text, _ in told.lines
        )


def test_a_descriptor_as_the_source_of_a_mount(traced: bool) -> None:
    told = run(
        made_of(
            call("unshare", CLONE_NEWNS),
            call("mount", "none", "/", None, MS_REC | MS_PRIVATE, None),
            call("openat", AT_FDCWD, "/etc", READ, fills="dir"),
            call("mount", Slot("dir", "/proc/self/fd/"), "/mnt", None, MS_BIND, None, closes="dir"),
            execve("/usr/bin/stat", "-c", "%i", "/mnt"),
        ),
        traced,
    )
    assert told.output == f"{os.stat('/etc').st_ino}\n"
    assert os.stat("/etc").st_ino != os.stat("/mnt").st_ino


def test_two_descriptors_of_one_kind_are_kept_apart(traced: bool) -> None:
    told = run(
        made_of(
            call("openat", AT_FDCWD, "/usr", READ, fills="first"),
            call("openat", AT_FDCWD, "/proc", READ, fills="second"),
            call("fchdir", Slot("first"), closes="first"),
            call("openat", AT_FDCWD, "/etc", READ, fills="third"),
            call("fchdir", Slot("second")),
            call("chdir", Slot("third", "/proc/self/fd/")),
            execve("/bin/pwd"),
        ),
        traced,
    )
    assert told.output == "/etc\n"


def test_a_text_is_stripped_as_that_of_a_slot_that_nsh_fills() -> None:
    # Slot.fill strips: a Slot with a blank is the number as a word.
    words = Vector(("/bin/echo", Slot("dir", "", " "), Slot("dir", " ", "!")))
    told = run(
        made_of(
            call("openat", AT_FDCWD, "/", READ, fills="dir"),
            call("execve", "/bin/echo", words, Environment([])),
        )
    )
    assert re.fullmatch(r"(\d+) \1!\n", told.output)


def test_a_pipe_of_the_child_s_own(traced: bool) -> None:
    told = run(
        made_of(
            call("pipe2", Ends(("from", "to")), O_CLOEXEC, fills="from to"),
            call("write", Slot("to"), b"through\n", 8, closes="to"),
            call("read", Slot("from"), b"through\n", 8),
            execve("/bin/echo", "read"),
        ),
        traced,
    )
    assert told.output == "read\n"
    if traced:
        ends = next(
            found
            for _, text, _ in told.lines
            if (found := re.fullmatch(r"pipe2\(\[(\d+), (\d+)\], \d+\)", text))
            and (CHILD, text, 0) in told.lines
        )
        texts = [text for actor, text, _ in told.lines if actor == CHILD]
        assert f'write({ends[2]}, "through\\n", 8)' in texts
        assert f'read({ends[1]}, "through\\n", 8)' in texts


def test_a_text_around_an_end_of_the_child_s_own_pipe(traced: bool) -> None:
    # Through /proc the reading end is opened a second time, and the writing end as well.
    told = run(
        made_of(
            call("pipe2", Ends(("from", "to")), O_CLOEXEC, fills="from to"),
            call("openat", AT_FDCWD, Slot("to", "/proc/self/fd/"), os.O_WRONLY, fills="again"),
            call("write", Slot("again"), b"ok", 2),
            call("openat", AT_FDCWD, Slot("from", "/proc/self/fd/"), os.O_RDONLY, fills="other"),
            call("read", Slot("other"), b"ok", 2),
            execve("/bin/echo", "both"),
        ),
        traced,
    )
    assert told.output == "both\n"


def test_a_call_that_fails_after_one_that_gave_something(traced: bool) -> None:
    wanted = made_of(
        call("openat", AT_FDCWD, "/etc/passwd", os.O_RDONLY, fills="file"),
        call("fchdir", Slot("file")),
        execve("/bin/pwd"),
    )
    told = Told()
    with nothing_left(), pytest.raises(CallFailed) as failed:
        launch(wanted, told.add if traced else None)
    assert (failed.value.call.name, failed.value.errno) == ("fchdir", errno.ENOTDIR)


@pytest.mark.parametrize(
    ("closes", "left"),
    [
        (("", ""), ["/etc", "/usr"]),
        (("first", ""), ["/usr"]),
        (("", "first"), ["/usr"]),
        (("", "second"), ["/etc"]),
        (("", "first second"), []),
        (("first", "second"), []),
    ],
)
def test_a_call_closes_exactly_what_it_names(
    closes: tuple[str, str], left: list[str], traced: bool
) -> None:
    told = run(
        made_of(
            call("openat", AT_FDCWD, "/etc", READ, fills="first"),
            call("openat", AT_FDCWD, "/usr", READ, fills="second"),
            call("fchdir", Slot("first"), closes=closes[0]),
            call("fchdir", Slot("second"), closes=closes[1]),
            execve("/bin/ls", "-l", "/proc/self/fd"),
        ),
        traced,
    )
    places = [line.split(" -> ")[1] for line in told.output.splitlines() if " -> " in line]
    assert sorted(set(places) & {"/etc", "/usr"}) == left


def test_nsh_closes_exactly_what_its_call_names() -> None:
    # While the child waits, nsh has closed its own copy of one end and not of the other.
    seen: list[tuple[str, bool, bool]] = []

    def look(each: Call, values: dict[str, int], result: int, error: int) -> None:
        if each.actor == PARENT and "mine[1]" in values:
            here = os.listdir("/proc/self/fd")
            first, second = [str(values[f"mine[{end}]"]) in here for end in (0, 1)]
            seen.append((each.name, first, second))

    mine = Ends(("mine[0]", "mine[1]"))
    wanted = Plan(
        (
            PIPE,
            Call(PARENT, "pipe2", (mine, O_CLOEXEC), "", fills=mine),
            FORKED.replace(closes=("reports[1]", "mine[0]")),
            Call(PARENT, "write", (Slot("mine[1]"), b"x", 1), "", closes=("mine[1]",)),
            call("read", Slot("mine[0]"), b"x", 1),
            execve("/bin/true"),
        ),
        CHILD,
        START,
        ("true",),
    )
    with nothing_left():
        launch(wanted, look)
    assert seen == [("pipe2", True, True), ("clone", False, True), ("write", False, False)]


# Any number of actors.

SIBLING = (FORK_SIBLING,)


def chain_of(*names: str) -> Plan:
    """The child forks the first of these, that one the next; each does a thing of its own before."""
    makers = (CHILD, *names)
    calls: list[Call] = []
    for number, (maker, made) in enumerate(zip(makers, names, strict=False)):
        calls.append(call("openat", AT_FDCWD, "/usr", READ, fills=f"dir{number}", actor=maker))
        calls.append(call("fchdir", Slot(f"dir{number}"), closes=f"dir{number}", actor=maker))
        calls.append(call("clone", *SIBLING, fills=made, actor=maker).replace(fills=(made,)))
        calls.append(call("chdir", "bin", actor=made))
    calls.append(execve("/bin/sh", "-c", "pwd; exit 9", actor=names[-1]))
    return made_of(*calls, last=names[-1])


@pytest.mark.parametrize("names", [("A", "B"), ("A", "B", "C", "D"), tuple("ABCDEFGHIJ")])
def test_a_chain_of_processes(names: tuple[str, ...], traced: bool) -> None:
    wanted = chain_of(*names)
    assert wanted.chain() == (CHILD, *names)
    told = run(wanted, traced, status=9)
    assert told.output == "/usr/bin\n"
    assert told.outcome is not None
    assert len(set(told.outcome.pids)) == len(names) + 1
    if not traced:
        return
    # Each actor's calls in their order, whoever was the faster one, and none before its fork.
    for actor in wanted.chain():
        mine = [text.split("(")[0] for who, text, _ in told.lines if who == actor]
        assert mine == [each.name for each in wanted.calls if each.actor == actor]
    order = [who for who, _, _ in told.lines]
    firsts = [order.index(actor) for actor in wanted.chain()]
    assert firsts == sorted(firsts)
    made = [result for _, text, result in told.lines if text.startswith("clone(")]
    assert tuple(sorted(made)) == tuple(sorted(told.outcome.pids))


@pytest.mark.parametrize("failing", range(4))
def test_a_chain_whose_member_fails_leaves_nothing(failing: int, traced: bool) -> None:
    names = ("A", "B", "C", "D")
    wanted = chain_of(*names)
    calls = [
        each.replace(args=("/nosuch",))
        if (each.name, each.actor) == ("chdir", names[failing])
        else each
        for each in wanted.calls
    ]
    for _ in range(10):  # who reports first is a matter of luck
        told = Told()
        with nothing_left(), pytest.raises(CallFailed) as failed:
            launch(wanted.replace(calls=tuple(calls)), told.add if traced else None)
        assert failed.value.call.actor == names[failing]
        assert failed.value.errno == errno.ENOENT
        assert names[failing] in failed.value.values


def test_a_started_chain_can_be_signalled() -> None:
    wanted = chain_of("A", "B", "C")
    last = wanted.calls[-1].replace(args=("/bin/sleep", Vector(("sleep", "60")), Environment([])))
    with nothing_left():
        running = start(wanted.replace(calls=(*wanted.calls[:-1], last)))
        assert (len(running.pids), running.pids[-1]) == (4, running.pid)
        assert not running.has_ended()
        running.signal(signal.SIGTERM)
        assert running.wait().status == 143


def test_the_plans_of_nsh_name_their_chain() -> None:
    for flags, more in (((), ()), (("pid",), ("PID 1",)), (("time",), ("child 2",))):
        state = START.replace(flags=(*flags, "user"), uidmap="root", gidmap="root")
        assert plan(state, ("true",), Host()).chain() == (CHILD, *more)


def test_a_helper_program_is_not_in_the_chain() -> None:
    helper = call("clone", FORK, fills="helper", actor=PARENT)
    sibling = Call(CHILD, "clone", SIBLING, "", fills=("B",))
    assert made_of(helper, sibling, last="B").chain() == (CHILD, "B")
    assert FORK_SIBLING & CLONE_PARENT
