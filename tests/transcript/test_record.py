"""record and --record: every recording replays green, at once and again."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from nsh.transcript.match import Line, Matcher, expectation
from nsh.transcript.volatile import Volatile
from tests.conftest import NSH, nsh

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def green(path: Path) -> None:
    for _ in range(2):
        result = nsh("--test", str(path))
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", ["r.nsh.md", "r.nsht"])
def test_a_recording_replays_green(tmp_path: Path, name: str) -> None:
    script = r"""
run echo hello
run printf 'no eol'
run printf '...\n[1]\n'
run printf '> x\nnsh> y\n```\n<<<<<<< HEAD\nfoo (glob)\n\033[1mx\033[0m\n\377\n'
run printf '\r\n \n\t\na  \n'
run false
run false; run echo hi; moon
moon
run 'open
!echo $$; pwd; date; hostname; date +%s; date -Is; id -un; mktemp -u
!env
!echo out; echo err >&2; echo x >/dev/stdout
# comment (eq)
run echo a \
b
!kill -9 $$
run cat
ns
mount tmpfs /mytmp
run true
plan true
trace on
run true
trace off
flags
!sleep 0.2 & echo bg
run ls /
quit 4
"""
    path = tmp_path / name
    result = nsh("--record", str(path), stdin=script, cwd=tmp_path)
    assert result.returncode == 4
    assert result.stdout.startswith("hello\nno eol...\n")
    text = path.read_text()
    assert "no eol (no-eol)\n" in text
    assert "\\x1b[1mx\\x1b[0m (esc)\n\\xff (esc)\n" in text
    assert str(tmp_path) not in text
    green(path)


@pytest.mark.parametrize("name", ["r.nsh.md", "r.nsht"])
def test_what_reads_like_an_error_in_a_script_replays_green(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    script = r"""
run printf 'nsh: stdin:1: a\nnsh: b.c:2: \033[1mb\nnsh: c:3: c (eq)\n'
!echo nsh: d:4: $$
nosuch
"""
    nsh("--record", str(path), stdin=script)
    green(path)
    path.write_text(path.read_text().replace(": a", ": aa"))
    assert nsh("--update", "--yes", str(path)).returncode == 0
    green(path)


def test_100_000_lines(tmp_path: Path) -> None:
    path = tmp_path / "long.nsht"
    nsh("--record", str(path), "-c", "!yes '(glob) (eq)' | head -100000")
    assert path.read_text().count("\n") == 100_001
    green(path)


@root
def test_inodes_get_names_and_root_is_required(tmp_path: Path) -> None:
    path = tmp_path / "ns.nsh.md"
    nsh(
        "--record",
        str(path),
        stdin="run readlink /proc/self/ns/uts\nflags +uts\n"
        "run readlink /proc/self/ns/uts /proc/self/ns/uts /proc/self/ns/ipc\n",
    )
    assert path.read_text().splitlines() == [
        "---",
        "requires: root",
        "---",
        "# ns",
        "",
        "```nsh",
        "nsh> run readlink /proc/self/ns/uts",
        "uts:[{inode:uts}] (glob)",
        "nsh> flags +uts",
        "nsh> run readlink /proc/self/ns/uts /proc/self/ns/uts /proc/self/ns/ipc",
        "uts:[{inode:uts1!=uts}] (glob)",
        "uts:[{inode:uts1}] (glob)",
        "ipc:[{inode:ipc}] (glob)",
        "```",
    ]
    green(path)


def test_record_begins_with_the_state_so_far(tmp_path: Path) -> None:
    path = tmp_path / "state.nsht"
    result = nsh(
        stdin=f"flags +user +uts\nmap root\nhostname box\nrecord {path}\nrecord\nrun hostname\n"
        "record off\nrecord\nrun hostname\nrecord off\n"
    )
    assert result.stdout == f"{path}\nbox\noff\nbox\n"
    assert "nothing is being recorded" in result.stderr
    assert "nsh> hostname box\n" in path.read_text()
    assert path.read_text().endswith("nsh> run hostname\nbox\n")
    green(path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.nsh.md"
    path.write_text("mine\n")
    result = nsh("--record", str(path), "-c", "run true")
    assert result.returncode == 1
    assert "is there already" in result.stderr
    assert "try: !rm" not in result.stderr
    assert re.search(r"try: record .*-2\.nsh", result.stderr)
    assert path.read_text() == "mine\n"
    result = nsh("--record", str(tmp_path / "no" / "file"), "-c", "run true")
    assert "cannot write" in result.stderr
    assert result.returncode == 1


def test_the_file_is_whole_after_every_command(tmp_path: Path) -> None:
    path = tmp_path / "killed.nsh.md"
    nsh("--record", str(path), "-c", "run echo a\n!kill -9 $PPID\n")
    assert path.read_text() == "# killed\n\n```nsh\nnsh> run echo a\na\n```\n"
    green(path)


class Typed:
    """nsh at a terminal of its own."""

    def __init__(self, cwd: Path, *args: str) -> None:
        self.master, slave = os.openpty()
        self.process = subprocess.Popen(
            [*NSH, *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "HOME": str(cwd), "TERM": "dumb"},
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""
        self.expect("nsh> ")

    def expect(self, text: str) -> str:
        deadline = time.monotonic() + 30
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], deadline - time.monotonic())
            assert ready, f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self.master, 65536).decode(errors="replace")
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, line: str) -> str:
        os.write(self.master, f"{line}\n".encode())
        return self.expect("nsh> ")

    def close(self) -> int:
        os.write(self.master, b"quit\n")
        status = self.process.wait(30)
        os.close(self.master)
        return status


def test_a_typed_session(tmp_path: Path) -> None:
    path = tmp_path / "typed.nsh.md"
    typed = Typed(tmp_path, "--record", str(path))
    assert "hello" in typed.type("run echo hello")
    assert "[3]" in typed.type("run sh -c 'echo err >&2; exit 3'")
    assert "not a tty" in typed.type("run tty")
    assert "cannot be replayed" in typed.type(r"sh printf '\033[?1049hfull\033[?1049l'")
    typed.type("run ls /")
    typed.type("record off")
    assert "/dev/pts/" in typed.type("run tty")
    assert typed.close() == 0
    text = path.read_text()
    assert "nsh> # sh printf '\\033[?1049hfull\\033[?1049l': not replayable, it fills the" in text
    assert "nsh> run sh -c 'echo err >&2; exit 3'\nerr\n[3]\nnsh> run tty\nnot a tty\n[1]\n" in text
    assert "record off" not in text
    green(path)


def test_hints_diff_and_ns_at_the_prompt_replay_green(tmp_path: Path) -> None:
    path = tmp_path / "looked.nsh.md"
    typed = Typed(tmp_path)
    typed.type("flags +user +uts; map root")
    assert "hint: new uts" in typed.type("run hostname")
    typed.type(f"record {path}")
    assert "hint: new uts" in typed.type("run hostname")
    assert "CLONE_NEWUTS" in typed.type("ns")
    assert "+++ inside" in typed.type("hostname box; diff uname -n")
    typed.type("hints off")
    assert typed.close() == 0
    text = path.read_text()
    assert "nsh> hints on\nnsh> run hostname\n{host} (glob)\nnsh: hint: new uts" in text
    green(path)


def test_undo_and_history_begin_with_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "undone.nsh.md"
    script = f"""\
flags +user +uts
hostname one
hostname two
undo 2
hostname two
nosuch
record {path}
explain
hostname
undo
hostname
redo
undo 2
flags
undo
history
redo; redo
hostname
show
"""
    result = nsh(stdin=script)
    assert "there is nothing to undo" in path.read_text()
    assert "hostname one" not in path.read_text()
    assert result.stdout.endswith("flags +user +uts\nhostname two\n")
    green(path)


def test_what_is_known_is_left_open_and_nothing_else() -> None:
    volatile = Volatile(host="sun", user="ann", places=["/tmp/room", "/"], inodes=False)
    volatile.command([4242], ephemeral=True, since=1700000000, until=1700000001)

    def glob(text: str) -> str | None:
        return volatile.generalise(text)

    assert glob("pid 4242 of 42421") == "pid {pid} of 42421"
    assert glob("ann@sun:/tmp/room/x*") == "{user}@{host}:{tmp}/x\\*"
    assert glob("-sun") == "-{host}"
    assert glob("my-sun") is None
    assert glob("annex sunny /tmp/roomy") is None
    assert glob("Tue Nov 14 22:13:20 UTC 2023") == "{time}"
    assert glob("at 2023-11-14T22:13:21Z and 10:11") == "at {time} and 10:11"
    assert glob("epoch 1700000000 not 1600000000") == "epoch {time} not 1600000000"
    assert glob("net:[4026532000] net:[4026532000]") == "net:[{inode:net1}] net:[{inode:net1}]"
    volatile.command([], ephemeral=True)
    assert glob("net:[4026532000]") == "net:[{inode:net2}]"
    assert glob("nothing [12] {x} *") is None
    assert re.fullmatch(r".*\{int\}, \{int\}.*", glob("nsh: [parent] pipe2([5, 6], 0) = 0") or "")
    for line, left_open in (
        ("nsh: [parent] pidfd_open(71, 0) = 7", "nsh: [parent] pidfd_open(71, 0) = {int}"),
        ("[child] setns(7, CLONE_NEWUTS) = 0", "[child] setns({int}, CLONE_NEWUTS) = 0"),
        ("nsh: [child] fchdir(9) = 0", "nsh: [child] fchdir({int}) = 0"),
        ("-> 6/9 child: setns(7, CLONE_NEWUTS)", "-> 6/9 child: setns({int}, CLONE_NEWUTS)"),
        ("-> 2/9 parent: pidfd_open(71, 0)", None),
        ("setns(7, 0) = 0", None),
    ):
        assert glob(line) == left_open


def test_the_terminal_is_left_open_in_lines_of_ps() -> None:
    volatile = Volatile(terminal="/dev/pts/3", inodes=False)
    for line, glob in (
        ("    1 pts/3    R+     0:00 ps ax", "    1 * R* 0:00 ps ax"),
        ("root  1  0  5 0:59 pts/3    00:00:00 ps -ef", "root  1  0  5 0:59 * 00:00:00 ps -ef"),
        ("    7 pts/31   S+     0:00 sh", None),
        ("    7 ?        S      0:00 sh pts/3x", None),
    ):
        assert volatile.generalise(line) == glob
    expect = expectation("    1 * R* 0:00 ps ax (glob)")
    for text in ("    1 pts/3    R+     0:00 ps ax", "    1 ?        R      0:00 ps ax"):
        assert Matcher().match(expect, Line(text), {}) is not None


# Children that stay.

LIVE = r"""
flags +uts
start box sleep 1000
start job sh -c 'echo working; exit 3'
wait job
log job
children
!pgrep -xf 'sleep 1000'
enter box readlink /proc/self/ns/uts
enter box readlink /proc/self/ns/uts
run readlink /proc/self/ns/uts
enter box sh -c 'echo $PPID'
stop box; children
"""


@root
def test_a_recording_with_children_replays_green_and_ends_them(tmp_path: Path) -> None:
    path = tmp_path / "r.nsh.md"
    command = f"sleep 1000.{os.getpid()}"
    nsh("--record", str(path), stdin=LIVE.replace("sleep 1000", command), cwd=tmp_path)
    text = path.read_text()
    assert "requires: root\n" in text
    assert re.search(r"^box   \{pid\} \*\{pid\} \*\{int\} s \*uts .* \(glob\)$", text, re.MULTILINE)
    names = re.findall(r"^uts:\[\{inode:(\w+)\}\]", text, re.MULTILINE)
    assert names[0] == names[1] != names[2]  # the child's lives on, that of a run does not
    text = text.replace("nsh> stop box; children\n", "nsh> children\n")
    green(path)
    path.write_text(text.partition("nsh> children\n")[0] + "```\n")
    green(path)  # ended by the replay, not by its session
    assert subprocess.run(["pgrep", "-xf", command], check=False).returncode == 1


@root
def test_an_update_leaves_the_numbers_of_children_open(tmp_path: Path) -> None:
    path = tmp_path / "r.nsht"
    path.write_text("nsh> start box sleep 1000\nnsh> children\nwrong\n")
    assert nsh("--update", "--yes", str(path)).returncode == 0
    assert "box   {pid} *{pid} *{int} s *none  sleep 1000 (glob)\n" in path.read_text()
    green(path)


def test_what_lives_already_is_not_recorded_and_that_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.nsht"
    lines = ["start web", "start db", f"record {path}", "enter web true", "record off"]
    result = nsh(stdin="\n".join(lines) + "\n")
    assert "record: a replay has no web, db: what lives already is not recorded" in result.stderr


def test_ages_and_columns_are_open_only_beside_a_process() -> None:
    volatile = Volatile()
    volatile.command([4711], ephemeral=True)
    assert volatile.generalise("a  4711     1  12 min  x") == "a  {pid} *1  {int} min *x"
    assert volatile.generalise("4711 10 s") == "{pid} 10 s"
    assert volatile.generalise("a  12 min  x") is None
