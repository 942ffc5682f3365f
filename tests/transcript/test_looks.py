"""Which typed lines only look, so that a recording of them may be replayed unasked."""

from __future__ import annotations

import pytest

from nsh.state import START, Propagation
from nsh.transcript.looks import is_steered, own_kinds, typed_only_looks


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
        "run /bin/ls",
        "!sed -n '/a/,$p' /x; sed -e 's|a|b|g;s/c/d/' -e 2q /x; sed '$d' /x; sed '/^#/d;s/ *$//' /x",
        "run date -Iseconds; run date +%s; run sort -rnk2 /x; run prlimit -p 1 --nofile",
        "run capsh --print; run sysctl -n kernel.hostname; run sysctl -a; run hostname -I",
        "env A=b; run ip -br addr; !ls >/dev/null 2>&1; ls 2>/dev/null;",
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
        # A program of that name elsewhere, and what makes another program of a name.
        "run ./ls",
        "run /tmp/cat /x",
        "run env PATH=/x ls",
        "sh LD_PRELOAD=/x ls",
        "!export PATH=/x; ls",
        "env PATH=/x",
        # Programs that run others, or write files, with some options.
        "run capsh --print -- -c 'rm x'",
        "run prlimit rm /x",
        "run prlimit -p 1 -n100",
        "run sort --outp=/x /y",
        "run sort --compress-program=/x /y",
        "run sed --in-p s/a/b/ /x",
        "run sed 's|a|b|w /x' /y",
        "run sed 's,a,b,e' /y",
        "run sed wx /y",
        "run sed '$!w x' /y",
        "run sed -e'w x' /y",
        "run sed p /x -i",
        "run awk -d/x 'BEGIN {}'",
        "run awk --file=/x",
        "run date -us 2020-01-01",
        "run date 010100002020.00",
        "run date --se=2020-01-01",
        "run dmesg --cle",
        "run ss -tD /x",
        "run file -C -m /x",
        "run sysctl -np /x",
        "run hostname -F/x",
        "run ip -b /x",
        "sh cat /x | uniq - /y",
        "run tree -ao /x",
        # What a shell makes of a line.
        "sh find /x $X",
        "run bash -c \"echo $'\\\\'' ; rm x ; echo \\\\'\"",
        "sh ls >/dev/null-x",
        "sh ls >&2x",
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
        "run ip netn exec x reboot",
        "run ip -n x link set lo up",
        "run ip vrf exec x reboot",
        "run mount -o loop /x /y",
        "flags -uts; run hostname box; flags +uts",
        "!hostname box",
        "enter box hostname box",
        "diff hostname box",
    ):
        assert not typed_only_looks(line, {"uts", "net", "mnt"}), line


def test_what_is_of_its_own_depends_on_the_whole_state() -> None:
    state = START.replace(flags=("mnt", "uts"))
    assert own_kinds(state) == {"mnt", "uts"}
    assert own_kinds(state.replace(propagation="shared")) == {"uts"}
    assert own_kinds(state.replace(mounts=(Propagation("rshared", "/"),))) == {"uts"}
    assert not is_steered(state.with_env("A", "b"))
    assert is_steered(state.with_env("LD_PRELOAD", "/x"))
