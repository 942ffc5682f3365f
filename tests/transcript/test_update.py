"""nsh --update: only what stopped matching changes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsh.transcript.align import alignment
from nsh.transcript.match import Line, Matcher
from nsh.transcript.parse import parse_transcript
from nsh.transcript.replay import Replay, Result
from nsh.transcript.update import updated
from tests.conftest import NSH, nsh

TEXT = """\
---
timeout: 20s
---
# Prose\t

```nsh
nsh> run echo one
o?e (glob)
nsh> run printf 'a\\nb\\nc\\n'
[a-z] (re)
X
...
nsh> run false
[2]
```

<!-- more   prose -->
~~~
nsh> not run
~~~

 ```nsh
 nsh> run sh -c 'echo x; exit 3'
 {user} (glob?)
 y
 ```
end without newline"""

UPDATED = TEXT.replace("X\n", "").replace("[2]", "[1]").replace(" y\n", " x\n [3]\n")


def test_only_what_stopped_matching_changes(tmp_path: Path) -> None:
    path = tmp_path / "u.nsh.md"
    path.write_text(TEXT)
    path.chmod(0o640)
    result = nsh("--update", str(path))
    assert result.returncode == 1
    assert "-X\n" in result.stdout
    assert "--yes" in result.stdout
    assert path.read_text() == TEXT
    result = nsh("--update", "--yes", str(path))
    assert result.returncode == 0, result.stdout
    assert path.read_text() == UPDATED
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["u.nsh.md"]
    inode = path.stat().st_ino
    result = nsh("--update", "--yes", str(path))
    assert "nothing to update" in result.stdout
    assert path.stat().st_ino == inode
    assert nsh("--test", str(path)).returncode == 0


def test_a_link_stays_a_link_and_crlf_stays(tmp_path: Path) -> None:
    real = tmp_path / "real.nsh.md"
    real.write_bytes(b"prose\r\n```nsh\r\nnsh> run echo a\r\nb\r\n```\r\n")
    link = tmp_path / "link.nsh.md"
    link.symlink_to(real)
    assert nsh("--update", "--yes", str(link)).returncode == 0
    assert link.is_symlink()
    assert real.read_bytes() == b"prose\r\n```nsh\r\nnsh> run echo a\r\na\r\n```\r\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_owner_of_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "mine.nsht"
    path.write_text("nsh> run echo a\nb\n")
    os.chown(path, 65534, 65533)
    path.chmod(0o640)
    assert nsh("--update", "--yes", str(path)).returncode == 0
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode & 0o7777) == (65534, 65533, 0o640)
    assert path.read_text().endswith("\na\n")


def test_what_did_not_run_stays(tmp_path: Path) -> None:
    path = tmp_path / "stop.nsht"
    text = "nsh> run echo a\nb\nnsh> quit\nnsh> run echo c\nd\n"
    path.write_text(text)
    result = nsh("--update", "--yes", str(path))
    assert result.returncode == 1
    assert path.read_text() == text.replace("b\n", "a\n", 1)


def test_a_skipped_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "skip.nsht"
    path.write_text("---\nskip: not now\n---\nnsh> run echo a\nb\n")
    assert "not now" in nsh("--update", "--yes", str(path)).stdout
    assert path.read_text().endswith("\nb\n")


def pretend(text: str, printed: list[tuple[list[Line], int]]) -> Replay:
    """The replay of a transcript whose commands print that."""
    transcript = parse_transcript(text, "t.nsht")
    done = Replay(transcript, matcher=Matcher())
    bindings: dict[str, str] = {}
    for command, (lines, status) in zip(transcript.commands, printed, strict=True):
        steps, after = alignment(command.expects, lines, done.matcher, bindings)
        done.results.append(Result(command, lines, status, steps, bindings, after))
        bindings = after
    return done


expected = st.sampled_from(
    [
        "a",
        "b",
        "...",
        "* (glob)",
        "a* (glob)",
        "{int:n} (glob)",
        "{int:n} (glob?)",
        "a (eq)",
        "[0-9] (re)",
        "b (glob?)",
        "a (no-eol)",
        "[1]",
        "> a (eq)",
        "  ",
        "x {int:m} (glob)",
    ]
)
text_lines = st.sampled_from(
    ["a", "b", "1", "2", "x 1", "[1]", "> a", "...", "nsh> a", "a (eq)", ""]
)
prints = st.tuples(
    st.builds(
        lambda texts, eol: [
            Line(text, eol or at + 1 < len(texts) or not text) for at, text in enumerate(texts)
        ],
        st.lists(text_lines, max_size=5),
        st.booleans(),
    ),
    st.sampled_from([0, 0, 0, 1]),
)


@given(
    st.lists(st.tuples(st.lists(expected, max_size=5), prints), min_size=1, max_size=3),
)
@settings(deadline=None, max_examples=300)
def test_an_update_matches_and_is_idempotent(
    commands: list[tuple[list[str], tuple[list[Line], int]]],
) -> None:
    text = "".join("".join(f"{line}\n" for line in ["nsh> x", *lines]) for lines, _ in commands)
    printed = [what for _, what in commands]
    done = pretend(text, printed)
    after = updated(done)
    assert (after == text) if done.passed else (after != text)
    again = pretend(after, printed)
    assert again.passed, after
    assert updated(again) == after
    for command, result in zip(again.transcript.commands, done.results, strict=True):
        # What matched is there still, as the author wrote it.
        kept = {result.command.expects[s.at].raw.strip() for s in result.steps if s.what == "match"}
        now = {expect.raw.strip() for expect in command.expects}
        assert {raw.removesuffix(" (eq)") for raw in kept} <= {
            raw.removesuffix(" (eq)") for raw in now
        }


def test_a_wildcard_is_worth_more_than_what_an_ellipsis_swallows(tmp_path: Path) -> None:
    path = tmp_path / "u.nsh.md"
    text = "```nsh\nnsh> run printf 'new1\\nnew2\\nb=5\\nc\\n'\nb=* (glob)\nc\n...\n```\n"
    path.write_text(text)
    assert nsh("--update", "--yes", str(path)).returncode == 0
    assert path.read_text() == text.replace("b=*", "new1\nnew2\nb=*")


@pytest.mark.parametrize(("answer", "status"), [(b"y\n", 0), (b"n\n", 1), (b"\x04", 1), (b"", -2)])
def test_the_question(tmp_path: Path, answer: bytes, status: int) -> None:
    paths = [tmp_path / name for name in ("one.nsht", "two.nsht")]
    for path in paths:
        path.write_text("nsh> run echo new\nold\n")
    master, slave = os.openpty()
    with subprocess.Popen(
        [*NSH, "--update", *map(str, paths)], stdin=slave, stdout=subprocess.PIPE
    ) as process:
        os.close(slave)
        assert process.stdout
        told = b""
        for path in paths:
            while not told.endswith(f"update {path}? [y/N] ".encode()):
                part = os.read(process.stdout.fileno(), 65536)
                assert part, told
                told += part
            if not answer:
                process.send_signal(signal.SIGINT)  # Ctrl-C ends it all
                break
            os.write(master, answer)
        told += process.stdout.read()
    os.close(master)
    assert process.returncode == status
    assert (b"[y/N] \n" in told) is not answer.endswith(b"\n")
    for path in paths:
        assert ("new\nnew\n" in path.read_text()) is (status == 0)
