"""Which typed lines only look, so that a recording of them may be replayed unasked."""

from __future__ import annotations

import pytest

from nsh.transcript.looks import typed_only_looks


@pytest.mark.parametrize(
    "line",
    [
        "flags +all; hostname box; run ps aux",
        "sh ps aux | grep -v root | wc -l 2>&1",
        "!ls -l /x 2>/dev/null || echo none",
        "!for f in a b; do echo $f; done",
        "!cat < /etc/hostname",
        "!kill -0 $box",
        "run ip -s link show lo",
        "run ip addr",
        "run env -i A=b printenv",
        "run top -bn1",
        "run hostname -f",
        "run mount -t proc",
        "!sed -n 1,2p /etc/passwd; awk '{print $1}' /etc/passwd",
        "diff -c box uname -n; diff uname -n",
        "start box sleep 1000; enter box ps aux; stop box",
        "tree; tree --all; undo; run 'open",
        "run find /proc/self -name fd",
        "nosuch",
    ],
)
def test_it_looks(line: str) -> None:
    assert typed_only_looks(line)


@pytest.mark.parametrize(
    "line",
    [
        "!mkdir /x",
        "run ps; run rm -r /x",
        "sh echo a > /x",
        "sh echo a >> /x 2>/dev/null",
        "sh ps | tee /x",
        "!echo a#b; rm /x",
        "!echo $(rm /x)",
        "!echo `rm /x`",
        "!$CMD /x",
        "!cat <(rm /x)",
        "run ip link add x type dummy",
        "run ip a a 10.0.0.1/8 dev lo",
        "run hostname box",
        "run mount -t tmpfs none /x",
        "run env -S 'rm /x'",
        "run timeout 5 rm /x",
        "run find / -delete",
        "run sed -i s/a/b/ /x",
        "run sed 'w /x' /y",
        "run sort -o /x /y",
        "run uniq /x /y",
        "run date 010203042026",
        "run awk '{print > \"/x\"}' /y",
        "run awk 'BEGIN {system(\"rm /x\")}'",
        "run bash /x",
        "diff rm /x",
        "enter box rm /x",
        "start box rm /x",
        "tree -o x.svg",
        "save x",
        "source x",
    ],
)
def test_it_may_do_more(line: str) -> None:
    assert not typed_only_looks(line)


def test_what_ends_with_a_namespace_of_its_own_is_no_change() -> None:
    for line, kind in (
        ("run hostname box", "uts"),
        ("sh ip link add x type dummy && ip link", "net"),
        ("run ipcmk -Q", "ipc"),
        ("run mount -t tmpfs none /mnt", "mnt"),
        ("run kill 2", "pid"),
        ("start box hostname box", "uts"),
    ):
        assert typed_only_looks(line, {kind}), line
        assert not typed_only_looks(line, {"user"}), line
    # These reach the host all the same, or a child that has namespaces of its own.
    for line in (
        "run mount -o remount,ro /",
        "run ip netns add x",
        "!hostname box",
        "enter box hostname box",
        "diff hostname box",
    ):
        assert not typed_only_looks(line, {"uts", "net", "mnt"}), line
