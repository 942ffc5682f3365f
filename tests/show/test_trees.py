"""Namespaces as a tree: what stands below what, who is named, and how wide it gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsh.linux.nsfs import Ns, Survey
from nsh.show.trees import Label, forest, people, tree_lines

HERE = 4026531800
KINDS = ("net", "mnt", "uts", "ipc", "pid", "cgroup", "time")


def labels(**children: tuple[int, ...]) -> dict[int, Label]:
    """The shell as process 1, and the processes of children, which all run sleep and their id."""
    found = {1: Label("nsh")}
    for name, pids in children.items():
        found |= {pid: Label(name, f"sleep {pid}") for pid in pids}
    return found


def own(**pids: tuple[int, ...]) -> list[Ns]:
    """The eight namespaces of the shell, with those who are in them beside it."""
    user = Ns(HERE, "user", uid=0, pids=(1, *pids.get("user", ())))
    others = [Ns(HERE + at, kind, HERE) for at, kind in enumerate(KINDS, 1)]
    return [user, *[ns.replace(pids=(1, *pids.get(ns.kind, ()))) for ns in others]]


def pod() -> tuple[Survey, dict[int, Label]]:
    """Three children that share net and ipc; db has a second process, log shares uts with the shell."""
    everybody = (2, 3, 4, 5)
    new = [
        Ns(10, "net", HERE, pids=everybody),
        Ns(11, "ipc", HERE, pids=everybody),
        Ns(12, "mnt", HERE, pids=(2,)),
        Ns(13, "mnt", HERE, pids=(3, 4)),
        Ns(14, "mnt", HERE, pids=(5,)),
        Ns(15, "uts", HERE, pids=(2,)),
        Ns(16, "uts", HERE, pids=(3, 4)),
    ]
    shared = own(user=everybody, pid=everybody, cgroup=everybody, time=everybody, uts=(5,))
    return Survey((*shared, *new)), labels(web=(2,), db=(3, 4), log=(5,))


def test_a_shell_alone() -> None:
    assert tree_lines(Survey(tuple(own())), labels(), 1) == [
        "user:[4026531800] here       nsh; owner uid 0",
        "├─ net:[4026531801] here     nsh",
        "├─ mnt:[4026531802] here     nsh",
        "├─ uts:[4026531803] here     nsh",
        "├─ ipc:[4026531804] here     nsh",
        "├─ pid:[4026531805] here     nsh",
        "├─ cgroup:[4026531806] here  nsh",
        "└─ time:[4026531807] here    nsh",
    ]


def test_what_everybody_shares_is_shown_once() -> None:
    assert tree_lines(*pod(), shell=1) == [
        "user:[4026531800] here    nsh, web, db, log; owner uid 0",
        "├─ here, shared by all: pid:[4026531805] cgroup:[4026531806] time:[4026531807]",
        "├─ net:[4026531801] here  nsh",
        "├─ net:[10]               web (sleep 2), db (sleep 3, sleep 4), log (sleep 5)",
        "├─ mnt:[4026531802] here  nsh",
        "├─ mnt:[12]               web (sleep 2)",
        "├─ mnt:[13]               db (sleep 3, sleep 4)",
        "├─ mnt:[14]               log (sleep 5)",
        "├─ uts:[4026531803] here  nsh, log (sleep 5)",
        "├─ uts:[15]               web (sleep 2)",
        "├─ uts:[16]               db (sleep 3, sleep 4)",
        "├─ ipc:[4026531804] here  nsh",
        "└─ ipc:[11]               web (sleep 2), db (sleep 3, sleep 4), log (sleep 5)",
    ]


def test_five_pid_namespaces_in_each_other() -> None:
    deep = [Ns(10 + at, "pid", HERE, 9 + at if at else HERE + 5, pids=(2 + at,)) for at in range(5)]
    found = Survey(tuple([ns for ns in own() if ns.kind in ("user", "pid")] + deep))
    assert tree_lines(found, labels(deep=(2, 3, 4, 5, 6)), 1) == [
        "user:[4026531800] here      nsh; owner uid 0",
        "└─ pid:[4026531805] here    nsh",
        "   └─ pid:[10]              deep (sleep 2)",
        "      └─ pid:[11]           deep (sleep 3)",
        "         └─ pid:[12]        deep (sleep 4)",
        "            └─ pid:[13]     deep (sleep 5)",
        "               └─ pid:[14]  deep (sleep 6)",
    ]


def test_a_user_namespace_in_a_user_namespace() -> None:
    nested = [
        Ns(20, "user", HERE, HERE, uid=1000),
        Ns(21, "net", 20, pids=(2,)),
        Ns(22, "user", 20, 20, uid=65534, pids=(2,)),
        Ns(23, "uts", 22, pids=(2,)),
        Ns(24, "pid", 22, HERE + 5, pids=(2,)),
    ]
    found = Survey((*[ns for ns in own() if ns.kind in ("user", "pid")], *nested))
    assert tree_lines(found, labels(web=(2,)), 1) == [
        "user:[4026531800] here    nsh; owner uid 0",
        "├─ pid:[4026531805] here  nsh",
        "└─ user:[20]              nobody seen; owner uid 1000",
        "   ├─ net:[21]            web (sleep 2)",
        "   └─ user:[22]           web (sleep 2); owner uid 65534",
        "      ├─ uts:[23]         web (sleep 2)",
        "      └─ pid:[24]         web (sleep 2); parent pid:[4026531805]",
    ]


def test_owners_out_of_view() -> None:
    user, net, mnt, *_ = own(net=(2,))
    outside = [Ns(7, "uts", pids=(1,)), Ns(8, "pid", pids=(1,)), Ns(9, "pid", parent=8, pids=(2,))]
    found = Survey((user, net, mnt, *outside, Ns(6, "ipc", pids=(1, 2))), unseen=7)
    assert tree_lines(found, labels(web=(2,)), 1) == [
        "user:[4026531800] here    nsh; owner uid 0",
        "├─ here, shared by all: net:[4026531801]",
        "└─ mnt:[4026531802] here  nsh",
        "owned by a user namespace that is out of view from here",
        "├─ here, shared by all: ipc:[6]",
        "├─ uts:[7] here           nsh",
        "└─ pid:[8] here           nsh",
        "   └─ pid:[9]             web (sleep 2)",
        "not shown: 7 processes that nsh may not look at",
    ]


def test_the_order_is_that_of_the_kinds_with_this_shells_own_first() -> None:
    found, _ = pod()
    [root] = forest(found, 1).roots
    kinds = [branch.ns.kind for branch in root.owned if branch.ns]
    assert kinds == sorted(kinds, key=KINDS.index)
    firsts = [branch.ns for branch in root.owned if branch.ns and branch.ns.inode > HERE]
    assert [ns.kind for ns in firsts] == list(KINDS)


def test_names_that_are_many_are_cut() -> None:
    many = {1: Label("nsh"), 2: Label("web", "sleep 9"), 3: Label("web", "sh")}
    many |= {pid: Label("", "bash") for pid in range(4, 13)}
    many |= {pid: Label("", f"daemon{pid}") for pid in range(13, 103)}
    assert people(many, many, 300) == (
        "nsh, web (sleep 9, sh), bash ×9, daemon13 [13], daemon14 [14] and 88 more"  # noqa: RUF001
    )
    assert people(many, many, 60) == "nsh, web, bash ×9, daemon13, daemon14 and 88 more"  # noqa: RUF001
    assert people(many, many, 36) == "nsh, web, bash ×9 and 90 more"  # noqa: RUF001
    assert people(many, many, 16) == "nsh and 101 more"
    assert people(many, many, 9) == "nsh and …"
    crowd = {pid: Label("web", f"worker {pid % 5}") for pid in range(10)}
    assert people(crowd, crowd, 80) == "web (worker 0 ×2, worker 1 ×2, worker 2 ×2 and 4 more)"  # noqa: RUF001
    assert people(crowd, crowd, 20) == "web"
    assert people([], {}, 20) == "nobody seen"


def test_what_would_play_tricks_with_the_terminal_is_escaped() -> None:
    web = {1: Label("nsh"), 2: Label("web", "\x1b[2J\nx")}
    found = Survey((*own(user=(2,)), Ns(10, "uts", HERE, pids=(2,))))
    text = "\n".join(tree_lines(found, web, 1))
    assert "\x1b" not in text
    assert r"web (\x1b[2J\nx)" in text


@pytest.mark.parametrize("width", [60, 80, 120])
@given(count=st.integers(1, 40), depth=st.integers(0, 6))
def test_it_fits_the_width(width: int, count: int, depth: int) -> None:
    children = {f"child{pid}": (pid,) for pid in range(2, 2 + count)}
    pids = tuple(range(2, 2 + count))
    users = [
        Ns(
            4026532000 + at,
            "user",
            4026531999 + at if at else HERE,
            4026531999 + at if at else HERE,
            uid=0,
            pids=pids,
        )
        for at in range(depth)
    ]
    found = Survey((*own(net=pids, cgroup=pids), *users))
    if width >= 80 or depth < 3:
        lines = tree_lines(found, labels(**children), 1, width)
        assert max(map(len, lines)) <= width
