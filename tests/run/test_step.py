"""A run that stands still between two calls: at each it can be ended, left alone, or gone on with."""

from __future__ import annotations

import os
import re
import signal
from itertools import count
from pathlib import Path

import pytest

from nsh.call import PARENT, Call
from nsh.linux.processes import stat_fields
from nsh.run.perform import CallFailed, launch
from nsh.run.running import Outcome
from nsh.run.step import ALL, RunEnded
from tests.steps import Told, at_each, kept, left, quiet, stepping, to, until_ended, ways


@pytest.mark.parametrize("name", ways())
def test_the_calls_are_made_in_the_order_of_the_plan(name: str) -> None:
    wanted = to(name, "sh", "-c", "exit 5")
    before = left()
    told: Told = []
    run = stepping(wanted)
    outcome = None
    for number in count():
        assert run.at == number
        assert run.coming[0] is wanted.rows()[number][0]
        if (outcome := run.go_on(1, kept(told))) is not None:
            break
        assert [call for call, _, _ in told] == [
            call for row in run.steps[: run.at] for call in row
        ]
    assert outcome is not None
    assert outcome.status == 5
    tries = [(result, error) for call, result, error in told if call.actor == wanted.last]
    assert tries[-1] == (0, 0)
    made = [call for call, _, error in told if not error]
    assert made == [call for call in wanted.calls if call.name != "execve" or call in made]
    assert run.is_over
    assert left() == before


@pytest.mark.parametrize("name", ways())
def test_it_ends_as_a_run_does_from_each_place(name: str) -> None:
    wanted = to(name, "sh", "-c", "exit 5")
    before = left()
    for number in at_each(wanted):
        run = stepping(wanted)
        assert run.go_on(number, quiet) is None
        outcome = run.go_on(ALL, quiet)
        assert isinstance(outcome, Outcome)
        assert (outcome.status, outcome.interrupted) == (5, False)
        assert outcome.pids == tuple([run.values[actor] for actor in wanted.chain()])
        assert left() == before


@pytest.mark.parametrize("name", ways())
def test_abort_leaves_nothing_at_each_place(name: str) -> None:
    wanted = to(name, "true")
    before = left()
    for number in at_each(wanted):
        run = stepping(wanted)
        run.go_on(number, quiet)
        pids = run.pids
        run.abort()
        assert left() == before
        assert [pid for pid in pids if stat_fields(pid)] == []
        run.abort()  # a second one finds nothing


@pytest.mark.parametrize("name", ways())
def test_one_that_was_killed_is_told_as_an_end(name: str) -> None:
    wanted = to(name, "true")
    before = left()
    for number in at_each(wanted):
        run = stepping(wanted)
        run.go_on(number, quiet)
        assert run.how_ended() is None
        if run.pid:
            os.kill(run.pid, signal.SIGKILL)
            until_ended(run)
            assert run.how_ended() == 137
            with pytest.raises(RunEnded) as ended:
                run.go_on(1, quiet)
            assert (ended.value.actor, ended.value.status) == (run.newest, 137)
        else:
            run.abort()
        assert left() == before


@pytest.mark.parametrize("name", ways())
def test_one_that_is_being_killed_is_told_as_an_end(name: str) -> None:
    # Its end may come before, between and after the calls that are made meanwhile.
    wanted = to(name, "true")
    before = left()
    for number in at_each(wanted):
        run = stepping(wanted)
        run.go_on(number, quiet)
        if run.pid:
            os.kill(run.pid, signal.SIGKILL)
            with pytest.raises(RunEnded):
                run.go_on(ALL, quiet)
        run.abort()
        assert left() == before


@pytest.mark.parametrize("name", ways())
def test_other_runs_leave_it_alone(name: str) -> None:
    wanted = to(name, "sh", "-c", "exit 5")
    other = to(name, "sh", "-c", "exit 6")
    fails = to(name, "/nosuch")
    before = left()

    def breaks(call: Call, values: dict[str, int], result: int, error: int) -> None:
        if call.name == "prctl":
            raise MemoryError

    for number in at_each(wanted):
        run = stepping(wanted)
        run.go_on(number, quiet)
        here = left()
        assert launch(other).status == 6
        with pytest.raises(CallFailed):
            launch(fails)
        with pytest.raises(MemoryError):  # after which all unknown children are killed
            launch(other, breaks)
        assert left() == here
        assert run.how_ended() is None
        outcome = run.go_on(ALL, quiet)
        assert outcome is not None
        assert outcome.status == 5
        assert left() == before


@pytest.mark.parametrize("name", ways())
def test_a_program_that_is_not_there(name: str) -> None:
    before = left()
    run = stepping(to(name, "/nosuch"))
    with pytest.raises(CallFailed) as failed:
        run.go_on(ALL, quiet)
    assert (failed.value.call.name, failed.value.errno) == ("execve", 2)
    assert run.is_over
    assert left() == before


def test_a_call_that_fails_ends_the_run_where_it_stands() -> None:
    wanted = to("all", "true")
    [at] = [at for at, call in enumerate(wanted.calls) if call.args[1:3] == ("/proc", "proc")]
    calls = list(wanted.calls)
    calls[at] = calls[at].replace(args=("proc", "/nosuch", "proc", *calls[at].args[3:]))
    before = left()
    run = stepping(wanted.replace(calls=tuple(calls)))
    told: Told = []
    assert run.go_on(at, kept(told)) is None
    with pytest.raises(CallFailed) as failed:
        run.go_on(1, kept(told))
    assert failed.value.call is run.plan.calls[at]
    assert told[-1] == (run.plan.calls[at], -1, 2)
    assert left() == before


def test_a_call_of_nsh_that_fails_ends_the_run() -> None:
    wanted = to("user", "true")
    calls = [
        call.replace(args=(call.args[0], "/nosuch", *call.args[2:]))
        if call.name == "openat"
        else call
        for call in wanted.calls
    ]
    before = left()
    run = stepping(wanted.replace(calls=tuple(calls)))
    with pytest.raises(CallFailed) as failed:
        run.go_on(ALL, quiet)
    assert (failed.value.call.actor, failed.value.errno) == (PARENT, 2)
    assert left() == before


def test_what_is_raised_while_it_goes_on_leaves_nothing() -> None:
    def interrupts(call: Call, values: dict[str, int], result: int, error: int) -> None:
        if call.name == "unshare":
            raise KeyboardInterrupt

    before = left()
    run = stepping(to("user", "true"))
    with pytest.raises(KeyboardInterrupt):
        run.go_on(ALL, interrupts)
    assert run.is_over
    assert left() == before


def test_between_two_calls_the_half_made_child_is_to_be_seen() -> None:
    run = stepping(to("user", "true"))
    try:
        assert (run.pid, run.pids, run.newest) == (0, (), "")
        seen = []
        while run.at < len(run.steps) - 1:
            run.go_on(1, quiet)
            if run.pid:
                mine, theirs = (os.readlink(f"/proc/{pid}/ns/uts") for pid in ("self", run.pid))
                uid_map = Path(f"/proc/{run.pid}/uid_map").read_text().split()
                seen.append((mine != theirs, uid_map[1:2] == [str(os.geteuid())]))
        # Before unshare the uid map is that of nsh, whatever that is.
        assert list(dict.fromkeys(seen))[-2:] == [(True, False), (True, True)]
    finally:
        run.abort()


@pytest.mark.parametrize("name", ways())
def test_a_process_has_no_end_of_a_gate_that_it_does_not_need(name: str) -> None:
    # With an end to write to, it would not hear of the death of nsh.
    wanted = to(name, "true")
    run = stepping(wanted)
    gates = {os.readlink(f"/proc/self/fd/{fd}"): a for a, fd in run._gates.writes.items()}
    try:
        while run.at < len(run.steps) - 1:
            run.go_on(1, quiet)
            actor = run.coming[0].actor
            if actor == PARENT:
                continue
            place = Path(f"/proc/{run.values[actor]}")
            found = {}
            for fd in os.listdir(place / "fd"):
                if (pipe := os.readlink(place / "fd" / fd)) in gates:
                    flags = re.search(r"flags:\s+(\d+)", (place / "fdinfo" / fd).read_text())
                    assert flags is not None
                    found[gates[pipe]] = int(flags[1], 8) & os.O_ACCMODE
            # Its own, and those of the processes that are still to come from it.
            needed = [each for each in wanted.chain() if each == actor or each not in run.values]
            assert found == dict.fromkeys(needed, os.O_RDONLY)
    finally:
        run.abort()


def test_the_descriptors_of_the_plan_are_those_of_a_run() -> None:
    wanted = to("user", "true")
    traced: list[dict[str, int]] = []
    launch(wanted, lambda call, values, result, error: traced.append(dict(values)))
    run = stepping(wanted)
    run.go_on(ALL, quiet)
    fds = [name for name in run.values if name not in wanted.chain()]
    assert {name: run.values[name] for name in fds} == {name: traced[-1][name] for name in fds}
    assert fds
