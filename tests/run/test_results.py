"""A trace and strace(1) see one and the same run: every call of the trace with its result."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import nsh

CALLS = (
    "pipe2,clone,clone3,fork,vfork,prctl,poll,unshare,mount,umount2,sethostname,setdomainname,"
    "chdir,execve,openat,write,wait4"
)
ENV = {"PATH": "/nowhere:/usr/bin:/bin", "HOME": "/", "LC_ALL": "C"}
TRACED = re.compile(r"nsh: (?:stdin|-c):\d+: \[(.*?)\] (.*)")
ENVIRONMENT = re.compile(r"\w+ (/\* \d+ vars? \*/)")

SESSIONS = {
    "host": ["run true"],
    "all": [
        "flags +all",
        "map root",
        "mount tmpfs /mnt -o size=1m,nosuid",
        "umount /mnt -l",
        "hostname x",
        "cd /usr",
        "run true",
    ],
    "pid": ["flags +pid", "run true"],
    "time": ["flags +time", "run true"],
    "no such program": ["run nosuch"],
    "no such program as PID 1": ["flags +pid", "run nosuch"],
    "no such directory": ["flags +mnt", "mount tmpfs /nosuch", "run true"],
    "no execute permission": ["run /etc/passwd"],
}


def strace_lines(text: str) -> dict[int, list[str]]:
    """Each process's calls with their results; those that another's interrupted are joined again."""
    begun: dict[int, int] = {}
    found: dict[int, list[str]] = {}
    for line in text.splitlines():
        number, rest = line.split(None, 1)
        mine = found.setdefault(int(number), [])
        if rest.endswith(" <unfinished ...>"):
            begun[int(number)] = len(mine)
            mine.append(rest.removesuffix("<unfinished ...>"))
        elif resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", rest):
            at = begun.pop(int(number))
            mine[at] = mine[at].rstrip() + (" " if mine[at].rstrip().endswith(",") else "")
            mine[at] += resumed[1].lstrip()
        else:
            mine.append(rest)
    return found


def plain(text: str) -> str:
    """A call with its result, its blanks and the address of an environment as one would have it."""
    call, _, result = text.rpartition(" = ")
    return ENVIRONMENT.sub(r"envp \1", f"{call.rstrip()} = {result}")


def told(stderr: str) -> list[tuple[str, str]]:
    """The lines of the trace as (actor, call with its result)."""
    return [(line[1], line[2]) for line in map(TRACED.fullmatch, stderr.splitlines()) if line]


@pytest.mark.parametrize("name", SESSIONS)
def test_every_result_of_a_trace_is_what_strace_saw(name: str, tmp_path: Path) -> None:
    seen = tmp_path / "strace"
    strace = ["strace", "-f", "-s", "65536", "-o", str(seen), "-e", f"trace={CALLS}"]
    lines = [word for line in SESSIONS[name] for word in ("-c", line)]
    trace = told(nsh("-x", *lines, before=strace, env=ENV).stderr)
    assert trace
    by_process = strace_lines(seen.read_text())
    pids = {"parent": next(iter(by_process))}
    pids |= {
        actor: int(text.rpartition(" = ")[2])
        for actor, text in zip(
            [name for name in dict.fromkeys(actor for actor, _ in trace) if name != "parent"],
            [text for _, text in trace if text.startswith("clone(")],
            strict=True,
        )
    }
    for actor, pid in pids.items():
        # What nsh reads from the pipe for reports is longer in a trace: more is reported.
        mine = [text for who, text in trace if who == actor and not text.startswith("read(")]
        rest = iter([plain(text) for text in by_process[pid]])
        for text in mine:
            assert plain(text) in rest, f"{actor}: {text}"


def test_a_poll_with_nothing_to_tell_is_a_timeout() -> None:
    trace = told(nsh("-x", "-c", "flags +pid", "-c", "run true").stderr)
    polls = [text for _, text in trace if text.startswith("poll(")]
    assert len(polls) == 2
    assert all(text.endswith(", 1, 0) = 0 (Timeout)") for text in polls)


@pytest.mark.parametrize("state", ["flags", "flags +pid", "flags +time"])
@pytest.mark.parametrize(
    ("path", "command", "tries"),
    [
        ("/nowhere", "nosuch", ["/nowhere/nosuch ENOENT"]),
        ("/nowhere:/usr/bin", "nosuch", ["/nowhere/nosuch ENOENT", "/usr/bin/nosuch ENOENT"]),
        ("/etc:/nowhere", "passwd", ["/etc/passwd EACCES", "/nowhere/passwd ENOENT"]),
        ("/nowhere:/etc", "passwd", ["/nowhere/passwd ENOENT", "/etc/passwd EACCES"]),
        ("/bin", "/nosuch", ["/nosuch ENOENT"]),
        ("/bin", "/etc/passwd", ["/etc/passwd EACCES"]),
        ("/bin", "/etc/passwd/x", ["/etc/passwd/x ENOTDIR"]),
    ],
)
def test_a_failing_execve_stands_in_the_trace_once(
    state: str, path: str, command: str, tries: list[str]
) -> None:
    result = nsh("-x", "-c", state, "-c", f"env PATH={path}", "-c", f"run {command}")
    found = [
        re.fullmatch(r'execve\("(.*?)", .* = -1 (\w+) \(.*\)', text)
        for _, text in told(result.stderr)
        if text.startswith("execve(")
    ]
    assert [f"{each[1]} {each[2]}" for each in found if each] == tries
    assert len(found) == len(tries)


def test_an_execve_that_ends_the_search_stands_in_the_trace_once(place: Path) -> None:
    # Not one of the errors after which execvp(3) goes on: a script whose interpreter is itself.
    program = place / "loop"
    program.write_text(f"#!{place}/loop\n")
    program.chmod(0o755)
    result = nsh("-x", "-c", f"env PATH=/nowhere:{place}:/bin", "-c", "run loop")
    found = [text for _, text in told(result.stderr) if text.startswith("execve(")]
    assert [text.rpartition(" = ")[2].split()[1] for text in found] == ["ENOENT", "ELOOP"]
    assert result.returncode == 126
