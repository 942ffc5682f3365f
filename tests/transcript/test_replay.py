"""nsh --test: what a replay runs in, what it reports, and that nothing of it stays."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nsh.transcript.environment import unmet
from nsh.transcript.limit import fullmatch
from nsh.transcript.parse import parse_transcript
from nsh.transcript.replay import Session, replay_transcript
from tests import needs
from tests.conftest import NSH, nsh
from tests.unprivileged import nsh_unprivileged

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def write(tmp_path: Path, session: str, front: str = "", name: str = "t.nsh.md") -> str:
    path = tmp_path / name
    head = f"---\n{front}\n---\n" if front else ""
    path.write_text(f"{head}# t\n\n```nsh\n{session}```\n")
    return str(path)


def passes(session: str) -> bool:
    done = replay_transcript(parse_transcript(f"```nsh\n{session}```\n"))
    return done.passed


@root
def test_same_and_different_inodes(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """\
nsh> run readlink /proc/self/ns/uts
uts:[{inode:host}] (glob)
nsh> flags +uts
nsh> run readlink /proc/self/ns/uts
uts:[{inode:new!=host}] (glob)
nsh> run false
[1]
""",
    )
    result = nsh("--test", path)
    assert result.returncode == 0
    assert result.stdout.startswith(f"ok    {path}: 4 commands, ")
    assert nsh("--test", "-q", path).stdout == ""


def test_a_failure_needs_no_second_look(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """\
nsh> run readlink /proc/self/ns/uts
uts:[{inode:host}] (glob)
nsh> sh readlink /proc/self/ns/uts; echo one; echo two; exit 3
uts:[{inode:new!=host}] (glob)
one
tow
[4]
""",
    )
    result = nsh("--test", path)
    inode = os.readlink("/proc/self/ns/uts")[5:-1]
    assert result.returncode == 1
    assert result.stdout.splitlines()[:-1] == [
        f"FAIL  {path}:7: nsh> sh readlink /proc/self/ns/uts; echo one; echo two; exit 3:"
        f" expected uts:[{{inode:new!=host}}] (glob), got uts:[{inode}]",
        "",
        f"{path}:6:",
        "    nsh> sh readlink /proc/self/ns/uts; echo one; echo two; exit 3",
        "    7 - uts:[{inode:new!=host}] (glob)",
        f"      + uts:[{inode}]",
        "    8   one",
        "    9 - tow",
        "      + two",
        "      ?  ^",
        "   10 - [4]",
        "      + [3]",
        f"      before: {{host}} is {inode}",
        f"      line 7: {{inode:new!=host}} caught {inode}, and so did host: they must differ",
        "",
    ]
    assert result.stdout.splitlines()[-1].startswith("1 failed; 2 commands in ")


def test_a_report_of_very_much_is_short(tmp_path: Path) -> None:
    path = write(tmp_path, "nsh> run seq 100000\n1\n")
    out = nsh("--test", path).stdout
    assert "more lines)" in out
    assert out.count("\n") < 120


def test_the_environment_is_exact() -> None:
    done = replay_transcript(
        parse_transcript(
            "nsh> !env\n...\nnsh> run ls -A\nnsh> run cat\nnsh> run tty\nnot a tty\n[1]\n", "t.nsht"
        ),
        {"PATH": os.environ["PATH"], "HOME": "/h", "LANG": "de_DE.UTF-8", "NSH_SECRET": "1"},
    )
    assert done.passed, done.results
    got = {line.text for line in done.results[0].lines}
    assert {word for word in got if not word.startswith("PWD=")} == {
        f"PATH={os.environ['PATH']}",
        "HOME=/h",
        "SHELL=/bin/sh",
        "LC_ALL=C",
        "TZ=UTC",
        "COLUMNS=80",
        "TERM=dumb",
    }


def test_both_outputs_are_one_in_their_order() -> None:
    assert passes("nsh> sh echo a; echo b >&2; echo c; nosuch=1\na\nb\nc\nnsh> nosuch\n...\n[2]\n")


def test_a_command_has_no_descriptor_of_the_replay() -> None:
    assert passes("nsh> run ls /proc/self/fd\n0\n1\n2\n3\n")


def test_output_that_looks_like_a_prompt_confuses_nothing() -> None:
    assert passes(
        "nsh> run printf 'nsh> run false\\n[1]\\n0 more\\n5\\n'\nnsh> run false (eq)\n[1]\n0 more\n5\n"
        "nsh> run printf 'a\\n[7]\\n'\na\n[7] (eq)\n"
        "nsh> run printf '\\377\\033[0m'\n\\xff\\x1b[0m (esc) (no-eol)\n"
    )


def test_a_background_writer_does_not_hold_the_replay_up() -> None:
    start = time.monotonic()
    assert passes("nsh> !sleep 100 & echo now\nnow\nnsh> run echo then\nthen\n")
    assert passes("nsh> !while echo x; do sleep 0.01; done & echo y\n...\nnsh> run true\n...\n")
    assert time.monotonic() - start < 50


def running(marker: str) -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if marker in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                found.append(pid)
        except OSError:
            continue
    return found


def test_a_timeout_kills_the_whole_tree(tmp_path: Path) -> None:
    marker = f"98765.{os.getpid()}"
    path = write(
        tmp_path,
        f"nsh> !setsid -f sleep {marker}; (sleep {marker} &) ; echo on; sleep {marker}\non\n"
        "nsh> run true\n",
        "timeout: 1s",
    )
    result = nsh("--test", path)
    assert result.returncode == 1
    assert f"{path}:7: nsh> !setsid" in result.stdout
    assert "no end after 1 s: timed out" in result.stdout
    assert not running(marker)


def test_nothing_stays_after_a_replay_that_passed() -> None:
    marker = f"98764.{os.getpid()}"
    assert passes(f"nsh> !setsid -f sleep {marker}; (sleep {marker} &)\n")
    assert not running(marker)


def test_the_death_of_nsh_and_its_end_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, "nsh> !echo a; kill -9 $PPID\na\nnsh> flags\nSIGCHLD\n")
    assert "nsh ended in the middle of it" in nsh("--test", path).stdout
    path = write(tmp_path, "nsh> quit\nnsh> flags\nSIGCHLD\n")
    assert f"{path}:4: it ended nsh; the rest was not run" in nsh("--test", path).stdout
    assert passes("nsh> run false\n[1]\nnsh> quit 3\n")


def test_statuses_inside_a_line_are_output() -> None:
    assert passes("nsh> run false; run sh -c 'exit 2'; run true\n[1]\n[2] (eq)\n")
    assert passes("nsh> run false; run sh -c 'exit 2'\n[1]\n[2]\n")


def test_requirements_and_skips(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, "nsh> run false\n", f"requires: {word}", f"{at}.nsh.md")
        for at, word in enumerate(["program:no-such-program", "kernel>=99.1"])
    ]
    paths.append(write(tmp_path, "nsh> run false\n", "skip: not today", "skip.nsh.md"))
    result = nsh("--test", *paths)
    assert result.returncode == 0
    assert [line.split(": ", 1)[-1] for line in result.stdout.splitlines()[:3]] == [
        "needs the program no-such-program",
        f"needs Linux 99.1, and this is {os.uname().release}",
        "not today",
    ]
    assert unmet("program:sh") == unmet("ns:uts") == unmet("kernel>=3.8") == ""


@root
def test_requirements_are_tried_for_real(place: Path) -> None:
    path = write(place, "nsh> run true\n", "requires: root")
    assert nsh("--test", path).stdout.startswith("ok ")
    assert "needs root: this is uid 65534" in nsh_unprivileged("--test", path).stdout
    limited = ["sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh"]
    path = write(place, "nsh> flags +user\nnsh> run true\n", "requires: userns")
    assert nsh_unprivileged("--test", path).stdout.startswith("ok ")
    inside = ["unshare", "--user", "--map-root-user", *limited]
    assert "needs userns: unshare: No space left" in nsh("--test", path, before=inside).stdout


def test_a_file_that_is_none_and_one_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, "nsh> flags\n{moon} (glob)\n")
    result = nsh("--test", path, str(tmp_path / "none.nsh.md"))
    assert result.returncode == 2
    assert f"ERROR {path}:5: there is no hole {{moon}}" in result.stdout
    assert "none.nsh.md: No such file or directory" in result.stdout
    empty = tmp_path / "prose.nsh.md"
    empty.write_text("# Nothing\n")
    assert "there is no command in it" in nsh("--test", str(empty)).stdout
    for words in ([], ["--jobs", "none", "x"], ["--moon", "x"]):
        assert nsh("--test", *words).returncode == 2


def test_jobs_keep_the_order(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, f"nsh> run sleep 0.{9 - at}\n", name=f"{at}.nsh.md") for at in range(4)
    ]
    result = nsh("--test", "--jobs", "4", *paths)
    assert [line.split(": ")[0] for line in result.stdout.splitlines()[:4]] == [
        f"ok    {path}" for path in paths
    ]
    assert result.returncode == 0


def test_v_prints_a_transcript(tmp_path: Path) -> None:
    script = "flags +moon\nrun false\nrun echo a \\\nb\n\n# a comment\nrun false; run echo c\n"
    path = tmp_path / "v.nsht"
    path.write_text(nsh("-v", stdin=script, merged=True).stdout)
    assert "nsh: stdin:1: " in path.read_text()
    assert nsh("--test", str(path)).returncode == 0


def test_a_transcript_runs_as_a_script(tmp_path: Path) -> None:
    path = write(tmp_path, "nsh> run echo a \\\n> b\nwhatever\nnsh> moon\nnsh> quit 7\n")
    result = nsh(path)
    assert (result.stdout, result.returncode) == ("a b\n", 7)
    assert result.stderr.startswith(f"nsh: {path}:7: there is no command moon")


def test_an_endless_expression_ends_with_the_time(tmp_path: Path) -> None:
    path = write(tmp_path, f"nsh> run echo {'a' * 60}b\n(a+)+ (re)\nnsh> run echo b\nb\n")
    result = nsh("--test", path, timeout=30)
    assert result.returncode == 1
    assert f"{path}:5: the regular expression needs more than 1 s" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert nsh("--update", "--yes", path, timeout=30).returncode == 1
    assert nsh("--test", path).returncode == 0


def test_a_timer_that_runs_goes_on_after_a_match() -> None:
    rang: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rang.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        assert fullmatch(re.compile("a+"), "aaa")
        with pytest.raises(TimeoutError):
            fullmatch(re.compile("(a+)+"), "a" * 60 + "b", 0.01)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        deadline = time.monotonic() + 10
        while not rang and time.monotonic() < deadline:
            time.sleep(0.01)
        assert rang == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_endless_output_ends_with_the_time() -> None:
    done = replay_transcript(
        parse_transcript("---\ntimeout: 500ms\n---\nnsh> run yes\n...\n", "t.nsht")
    )
    assert "timed out" in done.stopped or "MiB" in done.stopped


@needs.NAMESPACES
def test_a_session_can_be_driven_by_hand() -> None:
    with Session(30) as session:
        assert session.run("flags +pid").output == b""
        printed = session.run("flags; run sh -c 'exit 5'")
        assert (printed.output, printed.status, printed.ended) == (
            b"CLONE_NEWPID | SIGCHLD\n",
            5,
            False,
        )
        directory = session.directory
    assert not os.path.exists(directory)


def test_scripts_pay_for_nothing_of_it() -> None:
    timing = subprocess.run(
        [sys.executable, "-X", "importtime", *NSH[1:], "-c", "flags"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    loaded = {line.rpartition("|")[2].strip() for line in timing.splitlines()}
    of_transcripts = {name for name in loaded if name.startswith("nsh.transcript")}
    assert of_transcripts == {"nsh.transcript", "nsh.transcript.commands"}
    assert not {name for name in loaded if name.startswith("prompt_toolkit")}
    assert not loaded & {"subprocess", "tempfile", "dataclasses", "difflib"}


def test_an_empty_file_has_no_command(tmp_path: Path) -> None:
    path = tmp_path / "empty.nsht"
    path.write_text("")
    result = nsh("--test", str(path))
    assert result.returncode == 2
    assert f"ERROR {path}: there is no command in it" in result.stdout


def test_a_killed_replayer_leaves_no_directory(tmp_path: Path) -> None:
    path = write(tmp_path, "nsh> run sh -c 'touch here; sleep 1000'\n")
    room = tmp_path / "room"
    room.mkdir()
    process = subprocess.Popen([*NSH, "--test", path], env={**os.environ, "TMPDIR": str(room)})
    deadline = time.monotonic() + 30
    while not list(room.glob("*/room/here")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    while list(room.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
