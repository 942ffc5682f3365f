"""explain: each topic is whole, fits 80 columns, and what it proposes to try does what it says."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from nsh.linux.namespaces import NAMESPACES
from nsh.shell import Shell
from nsh.teach import explain
from tests import needs
from tests.conftest import ROOT, nsh

TOPICS = [topic for group in explain.groups().values() for topic in group]
NOT_HERE = {"EUSERS", "EAGAIN", "ENOSYS", "ENFILE"}
"""Errnos that cannot be brought about safely: their experiment looks at the limit behind them."""


def sources(*names: str) -> str:
    """The text of all files of these rooms."""
    files = [file for name in names for file in sorted((ROOT / "nsh" / name).rglob("*.py"))]
    return "".join([file.read_text() for file in files])


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_is_whole(topic: explain.Topic) -> None:
    assert topic.summary
    assert topic.prose
    assert topic.parts["for"]
    assert topic.parts["surprise"]
    assert topic.lines
    assert re.fullmatch(r"[\w.-]+\(\d\)(, [\w.-]+\(\d\))*", topic.man)
    text = explain.text(topic)
    assert max(map(len, text.splitlines())) <= 80
    assert explain.topic_of(topic.name) is topic
    for name in topic.also:
        assert explain.topic_of(name) is topic, name


FOR_ROOT = {"propagation", "ENOMEM"}
"""Topics whose experiment makes a namespace without a user namespace, though not in all its lines."""


def rights(topic: explain.Topic) -> tuple[pytest.MarkDecorator, ...]:
    return (needs.NAMESPACES,) if topic.name in FOR_ROOT else needs.rights(*topic.lines)


@pytest.mark.parametrize(
    "topic", [pytest.param(topic, id=topic.name, marks=rights(topic)) for topic in TOPICS]
)
def test_the_experiment_works(topic: explain.Topic) -> None:
    if topic.name == "step" and "step" not in Shell().command_names():
        pytest.skip("there is no command step")
    result = nsh(stdin="\n".join(topic.lines) + "\n", merged=True)
    assert result.stdout
    errno = explain.topic_of(topic.name) in explain.groups()["Errnos"]
    if not errno:
        lines = result.stdout.splitlines()
        assert [line for line in lines if re.match(r"nsh: stdin:\d+: (?!\[)", line)] == []
    elif topic.name not in NOT_HERE:
        number = getattr(__import__("errno"), topic.name)
        assert os.strerror(number) in result.stdout
    else:
        assert result.returncode == 0


def test_every_call_of_a_plan_has_a_topic() -> None:
    made = re.findall(r'(?:Call|_named)\(\s*\w+,\s*"(\w+)"', sources("plan", "parts"))
    calls = set(made)
    assert {"mount", "execve", "prctl", "wait4", "readlink", "sethostname"} <= calls
    assert {call for call in calls if explain.topic_of(call) is None} == set()


def test_every_errno_of_a_diagnosis_has_a_topic() -> None:
    numbers = set(re.findall(r"errno\.(E[A-Z0-9]+)\b", sources("plan", "parts")))
    assert "EPERM" in numbers
    assert {number for number in numbers if explain.topic_of(number) is None} == set()


def test_every_namespace_is_found_by_all_its_names() -> None:
    for namespace in NAMESPACES:
        topic = explain.topic_of(namespace.name)
        assert topic is not None
        for name in (
            namespace.constant,
            namespace.constant.lower(),
            namespace.constant.removeprefix("CLONE_"),
            f"{namespace.name} namespace",
        ):
            assert explain.topic_of(name) is topic, name
        assert namespace.man in topic.man


def test_every_command_is_explained_and_offered() -> None:
    shell = Shell()
    offered = dict(shell.topics())
    for name in shell.command_names():
        assert offered[name], name
        result = nsh("-c", f"explain {name}")
        assert (result.returncode, result.stderr) == (0, ""), name
        assert f"{name}" in result.stdout
    assert {topic.name for topic in TOPICS} <= set(offered)


@pytest.mark.skipif(not shutil.which("man"), reason="needs the program man")
def test_the_manual_pages_are_there() -> None:
    if not list(Path("/usr/share/man/man7").glob("pid_namespaces.7*")):
        pytest.skip("needs the manual pages")
    for topic in TOPICS:
        for page, section in re.findall(r"([\w.-]+)\((\d)\)", topic.man):
            found = list(Path(f"/usr/share/man/man{section}").glob(f"{page}.{section}*"))
            if not found and page in ELSEWHERE:
                continue
            assert found, f"{page}({section})"


ELSEWHERE = {"newuidmap", "subuid", "nsenter", "lsns", "losetup", "fuser", "ioctl_nsfs"}
"""Pages of packages that a machine may lack, and one that older manuals call ioctl_ns."""


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("hostname x\nrun true", ["flags +uts", "uts: a host name"]),
        ("run /etc/passwd", ["EACCES: ", "execve: The file has no execute", "explain EACCES"]),
        pytest.param(
            "flags +mnt\nmount tmpfs /no/such\nrun true",
            ["try: !mkdir", "mount: The target"],
            marks=needs.NAMESPACES,
        ),
        ("undo 0", ["no number of steps", "undo [N]"]),
    ],
)
def test_alone_it_explains_the_last_error(before: str, words: list[str]) -> None:
    result = nsh(stdin=f"{before}\nexplain\n")
    for word in words:
        assert word in result.stdout


def test_alone_without_an_error_it_lists_the_topics() -> None:
    lines = nsh("-c", "explain").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for topic in TOPICS:
        assert any(line.startswith(f"  {topic.name}") for line in lines)


AFTER = [
    ("show; plan true; help run; hints; explain uts; history; ns", True),
    ("run true", False),
    ("sh exit 3", False),
    ("start box", False),
    ("umask 077", False),
    ("umask 077; undo", False),
]


@pytest.mark.parametrize(("lines", "is_news"), AFTER)
def test_the_error_is_the_news_until_something_goes_well(lines: str, is_news: bool) -> None:
    error = "run /etc/passwd"
    about = nsh("-c", error, "-c", "explain").stdout
    assert "EACCES: " in about
    after = nsh("-c", error, "-c", lines, "-c", "explain").stdout
    listed = nsh("-c", "explain").stdout
    assert after.endswith(about if is_news else listed)
    assert ("`explain error` explains the last error of run.\n" in after) is not is_news
    again = nsh("-c", error, "-c", lines, "-c", "explain error").stdout
    assert again.endswith(about)


def test_an_error_in_the_line_that_changed_the_state_is_the_news() -> None:
    result = nsh("-c", "flags +uts; undo 7", "-c", "explain")
    assert "to undo, not 7" in result.stdout
    assert nsh("-c", "explain error").stdout == "there was no error yet\n"
    assert "explain error" not in nsh("-c", "explain").stdout
    assert "unclosed quote" in nsh("-c", "run 'a", "-c", "run true", "-c", "explain error").stdout


def test_an_unknown_topic_proposes_a_close_one() -> None:
    result = nsh("-c", "explain EPREM")
    assert result.returncode == 2
    assert "try: explain EPERM" in result.stderr


def test_a_name_as_people_write_it() -> None:
    for name in ("chroot(2)", "PID NAMESPACE", "'pid namespace'", "clone-newpid"):
        assert nsh("-c", f"explain {name}").returncode == 0, name


def test_scripts_do_not_read_the_topics() -> None:
    code = "import sys; from nsh.cli import main; main(['-c', 'flags']); print('nsh.explain' in sys.modules)"
    result = __import__("subprocess").run(
        [__import__("sys").executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines()[-1] == "False"
