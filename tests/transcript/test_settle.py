"""A recording is replayed once at its end, and what changed by then is left open."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsh.shell import Shell
from nsh.transcript.align import alignment, matches
from nsh.transcript.encode import expected_lines
from nsh.transcript.glob import Facts
from nsh.transcript.match import Line, Matcher, expectation
from nsh.transcript.merge import merged, merged_line
from nsh.transcript.record import Recorder
from tests.conftest import NSH, nsh
from tests.runs import until
from tests.screen import Start, toolbar
from tests.transcript.test_record import Typed, green

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def merge(expected: str, other: str, one: str = "") -> list[str] | None:
    """What is made of two outputs: it matches both. ``one`` is the first if that looks like syntax."""
    one = one or expected
    expects = [expectation(raw) for raw in expected.splitlines()]
    lines = [Line(text) for text in other.splitlines()]
    steps, _ = alignment(expects, lines, Matcher(), {})
    found = merged(expects, steps, dict(enumerate(one.splitlines())), lines, Facts())
    for output in (one, other) if found is not None else ():
        printed = [Line(text) for text in output.splitlines()]
        again = [expectation(raw) for raw in found or ()]
        assert matches(alignment(again, printed, Matcher(), {})[0]), (found, output)
    return found


def test_fields_that_differ_become_holes() -> None:
    for one, other, expected in (
        ("up 9 s", "up 12 s", "up {int} s (glob)"),
        ("up   9 s", "up  12 s", "up *{int} s (glob)"),
        ("at 10:22 x", "at 10:23 x", "at {time} x (glob)"),
        ("f Nov 24 10:22 x", "f Nov  4 10:22 x", "f {time} x (glob)"),
        ("pid=12, x*", "pid=345, x*", "pid={int}, x\\* (glob)"),
        ("lladdr x REACHABLE", "lladdr x STALE", "lladdr x * (glob)"),
        ("12", "345", "{int} (glob)"),
        ("t=1.25s", "t=1.30s", "t={int}.{int}s (glob)"),
    ):
        assert merge(one, other) == [expected]


def test_lines_with_nothing_in_common_are_not_merged() -> None:
    assert merge("ok", "failed") is None
    assert merge("a\nb", "") is None
    assert merge("", "a") is None
    assert merged_line(expectation("a 1"), "a 1", Line("a 2", eol=False), Facts()) is None


def test_lines_that_come_and_go() -> None:
    assert merge("a\nb\nc", "a\nc") == ["a", "b (eq?)", "c"]
    assert merge("a\nc", "a\nb\nc") == ["a", "...", "c"]
    assert merge("a\n1 x\n2 y\nb", "a\n3 y\nb") == ["a", "1 x (eq?)", "{int} y (glob)", "b"]
    assert merge("a\n" + "x\ny\nz\nw\n" + "b", "a\nb") == ["a", "...", "b"]


words = st.sampled_from(["a", "1", "23", "10:22", "x*", "p[7]", "{int}", "...", "0.5", "é"])
outputs = st.lists(
    st.lists(words, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=5
).map("\n".join)


@given(outputs, outputs)
@settings(deadline=None)
def test_what_is_merged_matches_both(one: str, other: str) -> None:
    lines = [Line(text) for text in one.splitlines()]
    merge("\n".join(expected_lines(lines)), other, one)


def test_a_recording_of_what_changes_replays(tmp_path: Path) -> None:
    path = tmp_path / "r.nsh.md"
    script = """\
!date +%N; echo $$ is 1
sh cat /proc/uptime /proc/loadavg; uptime
!ls -l /proc/self/fd; ps; free; df
run stat /proc/self
"""
    result = nsh("--record", str(path), stdin=script)
    assert result.returncode == 0
    assert result.stderr == ""
    assert "{int} (glob)\n" in path.read_text()
    green(path)


@root
def test_ps_aux_of_the_article(tmp_path: Path) -> None:
    path = tmp_path / "r.nsh.md"
    nsh("--record", str(path), stdin="flags +pid +mnt\nmount proc /proc\nrun ps aux\n!ps aux\n")
    text = path.read_text()
    assert (
        text.count("root           1 * * *{int} *{int} ?        R * *{time} ps aux (glob)\n") == 1
    )
    assert "COMMAND\n...\n" in text  # on the host
    green(path)


def test_what_may_change_something_is_not_run_again(tmp_path: Path) -> None:
    path, log = tmp_path / "r.nsht", tmp_path / "log"
    result = nsh("--record", str(path), stdin=f"!echo a >> {log}\n!cat {log}\n")
    assert log.read_text() == "a\n"
    assert result.stderr == ""
    assert path.read_text() == f"nsh> !echo a >> {log}\nnsh> !cat {log}\na\n"


def test_what_could_not_be_generalised_is_told_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "r.nsht"
    result = nsh("--record", str(path), stdin="run ls\nrun echo a\n", cwd=tmp_path)
    assert result.stderr == (
        f"nsh: record: {path} does not replay: run ls printed something else;"
        f" to look: nsh --test {path}\n"
    )
    assert path.read_text() == "nsh> run ls\nr.nsht\nnsh> run echo a\na\n"


def test_at_the_prompt_it_is_said_what_came_of_it(tmp_path: Path) -> None:
    typed = Typed(tmp_path)
    assert "recording to my.nsh.md; record off ends it" in typed.type("record my")
    assert "my.nsh.md\r\n" in typed.type("record")
    typed.type("run echo a")
    assert "my.nsh.md replays: 2 commands\r\n" in typed.type("record off")
    typed.type("record n.nsht")
    typed.type("!date +%N; true")
    assert "load average" in typed.type("run top -bn1")  # which drives no terminal
    assert re.search(r"n\.nsht replays: 3 commands, [12] generalised", typed.type("record off"))
    typed.type("record e")
    assert "e.nsh.md was not replayed: nothing is in it" in typed.type("record off")
    typed.type("record h")
    typed.type("!echo a >> log")
    assert (
        "h.nsh.md was not replayed: !echo a >> log may change something;"
        " to replay it: nsh --test h.nsh.md\r\n"
    ) in typed.type("record off")
    assert (tmp_path / "log").read_text() == "a\n"
    typed.type("record c")
    typed.type("run sleep 4")  # long enough for Ctrl-C to come before the end of the replay
    os.write(typed.master, b"record off\n")
    typed.expect("replaying c.nsh.md, 4 s; Ctrl-C leaves that out\r\n")
    until(lambda: "--serve" in _below(typed.process.pid), "the replay")
    os.kill(typed.process.pid, signal.SIGINT)
    assert "c.nsh.md was not replayed: Ctrl-C; it is as it was recorded" in typed.expect("nsh> ")
    assert typed.close() == 0
    assert not (tmp_path / "my").exists()


def _below(pid: int) -> str:
    """The command lines of the children of a process."""
    lines = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            lines.append(Path(f"/proc/{child}/cmdline").read_text())
        except OSError:
            continue
    return "\n".join(lines)


@root
def test_children_that_live_on_keep_it_from_being_replayed(tmp_path: Path) -> None:
    path = tmp_path / "r.nsht"
    typed = Typed(tmp_path)
    typed.type(f"record {path}")
    typed.type("start box sleep 1000")
    assert "was not replayed: box still lives" in typed.type("record off")
    assert typed.close() == 0
    green(path)
    path.unlink()
    # They end before the replay at the end of the session.
    assert nsh("--record", str(path), stdin="start box sleep 1000\n!date +%N; true\n").stderr == ""
    assert "{int} (glob)" in path.read_text()


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in ("/dev/full", "/dev/null", str(tmp_path / "fifo"), str(tmp_path)):
        result = nsh("--record", path, "-c", "run true")
        assert result.returncode == 1
        assert f"nsh: cannot record to {path}: it is no regular file\n" in result.stderr


@root
def test_a_full_disk_is_told_once_and_the_session_goes_on() -> None:
    script = r"""
mount -t tmpfs -o size=64k none /mnt && exec "$@" -v <<'END'
record /mnt/r.nsh.md
run echo a
sh head -c 1000000 /dev/zero >/mnt/fill
run head -c 60000 /etc/services /proc/kallsyms
record
run echo b
!rm /mnt/fill; cat /mnt/r.nsh.md
END
"""
    start = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"]
    result = nsh(before=start)
    assert result.stderr.count("what follows is not recorded") == 1
    assert "record: cannot write /mnt/r.nsh.md: No space left on device" in result.stderr
    assert "nsh> record\noff\nnsh> run echo b\nb\n" in result.stdout
    assert "nsh> run echo a\na\n" in result.stdout.partition("cat /mnt/r.nsh.md\n")[2]
    assert result.stdout.endswith("```\n")


def test_the_prompt_of_a_recorded_session_is_the_same(tmp_path: Path) -> None:
    rc = tmp_path / ".config" / "nsh" / "nshrc"
    rc.parent.mkdir(parents=True)
    rc.write_text("flags +user +uts\nmap root\n")
    typed = Typed(tmp_path, "--record", "r.nsh.md")
    assert "flags +user +uts" in typed.type("show")
    assert "UTS" in typed.type("flags")
    assert typed.close() == 0
    text = (tmp_path / "r.nsh.md").read_text()
    # What nshrc did is the state that it begins with.
    assert "nsh> flags +user +uts\nnsh> map root\nnsh> hints on\nnsh> show\n" in text
    green(tmp_path / "r.nsh.md")


def test_a_recorded_session_has_the_whole_prompt(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "r.nsh.md"
    screen = start(150, 45, program=shlex.join([*NSH, "--record", str(path)]))
    screen.until("record off ends it")
    screen.line("run printenv TERM SHELL")
    assert "\ndumb\n/bin/sh\n" in screen.until("/bin/sh\n")
    assert toolbar(screen.ready())
    screen.line("record off")
    screen.until("replays: 2 commands")
    screen.line("run printenv TERM")
    screen.until("\ntmux-256color\n")
    green(path)


def test_a_long_session_gets_the_time_that_it_needs(tmp_path: Path) -> None:
    shell = Shell()
    shell.start_recording(str(tmp_path / "long"))
    shell.run_line("flags +uts")
    recorded = shell.recording
    assert isinstance(recorded, Recorder)
    recorded.seconds = 45.2
    shell.end_recording()
    text = (tmp_path / "long.nsh.md").read_text()
    assert text.startswith("---\ntimeout: 92s\n---\n# long\n")
    assert shell.host.environ == os.environ


def test_ctrl_c_in_the_replay_after_a_script_ends_it_all(tmp_path: Path) -> None:
    path = tmp_path / "r.nsht"
    command = [*NSH, "--record", str(path), "-c", "run sleep 3"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        until(lambda: "--serve" in _below(process.pid), "the replay")
        process.send_signal(signal.SIGINT)
        assert process.communicate()[1] == b""
    assert process.returncode == -signal.SIGINT
    assert path.read_text() == "nsh> run sleep 3\n"
