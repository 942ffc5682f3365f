"""Which entry of the queue a call comes from: it is said by the call, and never found by counting."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsh.call import Call, Plan
from nsh.host import Host
from nsh.linux.mountflags import OPTIONS
from nsh.linux.namespaces import NAMESPACES
from nsh.parts.mounts.commands import KINDS
from nsh.parts.mounts.failed import FailedMount
from nsh.parts.part import FailedCall
from nsh.parts.table import BY_NAME
from nsh.plan.diagnose import cause_of
from nsh.plan.order import plan
from nsh.state import Mount, Propagation, State, Umount

# remount without bind and a umount of / are refused before there is a plan.
options = st.lists(st.sampled_from(sorted({*OPTIONS} - {"remount", "move"})), max_size=3).map(
    ",".join
)


@st.composite
def states(draw: st.DrawFn) -> State:
    """A state with mounts of all kinds; each target tells its place in the queue."""
    kinds = st.sampled_from(["tmpfs", "proc", "bind", "rbind", "umount", "propagation"])
    mounts: list[Mount | Umount | Propagation] = []
    for index, kind in enumerate(draw(st.lists(kinds, max_size=8))):
        target = f"/nosuch/{index}"
        if kind == "umount":
            mounts.append(Umount(target, lazy=True))
        elif kind == "propagation":
            mounts.append(Propagation(draw(st.sampled_from(KINDS)), target))
        else:
            mounts.append(Mount(kind, f"/source/{index}", target, draw(options)))
    names = [namespace.name for namespace in NAMESPACES]
    flags = dict.fromkeys(["mnt", *draw(st.lists(st.sampled_from(names), max_size=4))])
    return State(
        flags=tuple(flags),
        mounts=tuple(mounts),
        propagation=draw(st.sampled_from(["private", "slave"])),
        hostname=draw(st.sampled_from([None, "x"])) if "uts" in flags else None,
        cwd=draw(st.sampled_from([None, "/"])),
    )


def of_mounts(wanted: Plan) -> list[Call]:
    return [call for call in wanted.calls if call.name in ("mount", "umount2")]


def target(call: Call) -> str:
    return str(call.args[1] if call.name == "mount" else call.args[0])


def from_entry(call: Call, state: State) -> bool:
    return call.entry >= 0 and state.mounts[call.entry].target == target(call)


@given(states())
def test_every_call_names_the_entry_that_it_comes_from(state: State) -> None:
    wanted = plan(state, ("true",), Host())
    found = of_mounts(wanted)
    assert all(call.part == "mounts" for call in found)
    first, *rest = found
    assert (target(first), first.entry) == ("/", -1)  # the propagation of / is no entry
    for call in rest:
        assert from_entry(call, state)
        assert (call.name == "umount2") == isinstance(state.mounts[call.entry], Umount)
    order = [call.entry for call in rest]
    assert order == sorted(order)
    assert set(order) == set(range(len(state.mounts)))


@given(states())
def test_every_call_of_another_kind_names_none(state: State) -> None:
    for call in plan(state, ("true",), Host()).calls:
        assert call.part in ("", *BY_NAME)
        if call.name not in ("mount", "umount2"):
            assert (call.entry, call.part == "mounts") == (-1, False)


MORE = [
    Call("child", "mount", ("none", "/more", "tmpfs", 0, None), "one more", part="mounts"),
    Call("child", "umount2", ("/more", 0), "one more", part="mounts"),
]
ERRORS = {
    "mount": (errno.ENOENT, errno.ENODEV, errno.EBUSY, errno.ENOTDIR, errno.EINVAL),
    "umount2": (errno.ENOENT, errno.EINVAL, errno.EBUSY),
}


@given(states(), st.sampled_from(MORE), st.integers(0, 4))
def test_a_call_more_in_the_plan_changes_no_explanation(
    state: State, more: Call, which: int
) -> None:
    host = Host()
    wanted = plan(state, ("true",), host)
    longer = wanted.replace(calls=(more, *wanted.calls))
    for call in of_mounts(wanted)[1:]:
        error = ERRORS[call.name][which % len(ERRORS[call.name])]
        said = [cause_of(FailedCall(call, error, each, host)) for each in (wanted, longer)]
        assert said[0].cause == said[1].cause
        assert said[0].fixes == said[1].fixes
        if call.name == "mount":
            failed = FailedMount(FailedCall(call, error, longer, host))
            entry = state.mounts[call.entry]
            assert failed.entry is (entry if isinstance(entry, Mount) else None)
            assert failed.before == state.mounts[: call.entry]


@pytest.mark.parametrize("more", [0, 1, 5])
def test_the_line_of_the_entry_that_failed_is_the_one_that_is_left_out(more: int) -> None:
    mounts = tuple([Umount(f"/nosuch/{index}", lazy=True) for index in range(3)])
    state = State(flags=("mnt",), mounts=mounts)
    wanted = plan(state, ("true",), Host())
    longer = wanted.replace(calls=(MORE[0],) * more + wanted.calls)
    for index, call in enumerate(of_mounts(wanted)[1:]):
        said = cause_of(FailedCall(call, errno.ENOENT, longer, Host()))
        others = [f"umount /nosuch/{each} -l" for each in range(3) if each != index]
        assert list(said.fixes) == ["reset mounts", *others]
