"""Words of other programs, of C and of shells: what is said of them, and what to type instead."""

from __future__ import annotations

import os
import subprocess

import pytest

from nsh.shell import Shell
from nsh.words import join
from tests.lines import Told, say

PRIVILEGED = Shell().host.is_privileged
OWN_USER = [] if PRIVILEGED else ["map root"]


def new(*kinds: str) -> list[str]:
    """The lines that make new namespaces, with a user namespace first for who has no rights."""
    return [
        " ".join(["flags", *["+user"] * (not PRIVILEGED), *[f"+{k}" for k in kinds]]),
        *OWN_USER,
    ]


ANSWERS = {
    # C.
    "int clone_flags = CLONE_NEWNET | SIGCHLD;": ["flags +net"],
    "int clone_flags = SIGCHLD;": ["flags -all"],
    "CLONE_NEWNET": ["flags +net"],
    "CLONE_NEWUTS | CLONE_NEWPID": ["flags +uts +pid"],
    "CLONE_NEWFOO": ["help flags"],
    "pid_t pid = clone(child, stack + SIZE, CLONE_NEWNS | SIGCHLD, argv);": ["flags +mnt", "run"],
    "clone ls": ["run ls"],
    'mount("none", "/mytmp", "tmpfs", 0, "");': ["mount tmpfs /mytmp"],
    'mount("/a b", "/mnt", NULL, MS_BIND | MS_REC, NULL);': ["mount rbind '/a b' /mnt"],
    'mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);': ["propagation private"],
    'mount("x", "/y", NULL, MS_SLAVE, NULL);': ["propagation slave /y"],
    "mount(a, b, c, d, e);": ["help mount"],
    'umount("/mytmp");': ["umount /mytmp"],
    'umount2("/proc", MNT_DETACH);': ["umount /proc -l"],
    'if (sethostname("x", 1) == -1)': ["hostname x"],
    "unshare(CLONE_NEWUTS);": ["flags +uts"],
    'setns(open("/proc/12/ns/net", O_RDONLY), 0);': ["join 12 net"],
    "setns(fd, CLONE_NEWNET);": ["help join"],
    'execvp("ip", argv);': ["run ip"],
    "execvp(args[0], args);": ["run"],
    'execve("/bin/sh", argv, envp);': ["run /bin/sh"],
    'execlp("ps", "ps", "aux", NULL);': ["run ps aux"],
    "waitpid(pid, NULL, 0);": ["help wait"],
    'setenv("A", "b c", 1);': ["env 'A=b c'"],
    'system("ls | wc");': ["sh ls | wc"],
    "setuid(1000);": ["user 1000"],
    # The programs of the article.
    "./net ip a": [*new("net"), "run ip a"],
    "./mnt bash": [*new("mnt"), "mount tmpfs /mytmp", "run bash"],
    "./skeleton ls": ["run ls"],
    # util-linux.
    "nsenter -t 12 -m -u sh": ["join 12 mnt uts", "run sh"],
    "nsenter -t 12 -a": ["join 12", "run"],
    "nsenter --net=/run/netns/x ip a": ["join /run/netns/x", "run ip a"],
    "unshare -Urn": ["flags +user +net", "map root", "run"],
    "unshare -r -fp --mount-proc ps": ["flags +pid +user +mnt", "map root", "mount proc /proc", "run ps"],
    "unshare --user --map-users=0:100000:65536 id": [
        "flags +user", "uidmap 0 100000 65536", "run id"],
    "unshare --user --map-users 100000,0,65536 id": [
        "flags +user", "uidmap 0 100000 65536", "run id"],
    "unshare -U --map-user=5 -w /tmp id": [
        "flags +user", f"uidmap 5 {os.geteuid()} 1", "cd /tmp", "run id"],
    "unshare -cm --propagation slave ls": [
        "flags +mnt +user", "map self", "propagation slave", "run ls"],
    "unshare -n ip a": [*new("net"), "run ip a"],
    "newuidmap 12 0 1000 1": ["uidmap 0 1000 1"],
    "ip netns exec x ip a": ["join /run/netns/x", "run ip a"],
    "ip netns add x": [*new("net"), "start x"],
    # Containers.
    "docker run -it --rm alpine sh": [
        *new("mnt", "uts", "ipc", "pid", "net"), "mount proc /proc", "run sh"],
    "docker run -d --name w -h box -v /srv:/mnt:ro -e A=b -w /tmp -u 5:6 --net host nginx sleep 5": [
        *new("mnt", "uts", "ipc", "pid"), "mount proc /proc", "mount bind /srv /mnt -o ro",
        "hostname box", "cd /tmp", "env A=b", "user 5:6", "start w sleep 5"],
    "docker exec -it web sh": ["enter web sh"],
    "docker ps": ["children"],
    "docker stop web": ["stop web"],
    "docker logs -f web": ["log web"],
    "docker kill -s SIGHUP web": ["signal web HUP"],
    "podman images": ["explain namespace"],
    # Shells.
    "export A=b": ["env A=b"],
    "A=b run env": ["env A=b", "run env"],
    "A=b C='d e' id -u": ["env A=b 'C=d e'", "run id -u"],
    "unset A": ["env -u A"],
    "jobs": ["children"],
    "exec ls -l": ["run ls -l"],
    "exec nosuchprogram": ["children"],
    "clear": ["!clear"],
    "logout": ["quit"],
    "setns 12 net": ["join 12 net"],
    "ulimit -n 64": ["rlimit nofile 64"],
    "+net,+pid": ["flags +net +pid"],
    "ls *.c": ["sh ls *.c"],
    "ls '*.c'": ["run ls '*.c'"],
    "veth": ["explain veth"],
    "network namespace": ["explain net"],
}  # fmt: skip


@pytest.mark.parametrize("line", ANSWERS)
def test_the_lines_that_do_the_same(capsys: Told, line: str) -> None:
    shell = Shell()
    out, errors, status = say(capsys, line, shell=shell)
    assert (out, status) == ("", 2)
    assert list(shell.fixes) == ANSWERS[line]
    assert errors[1:] == [f"try: {fix}" for fix in ANSWERS[line]]


@pytest.mark.parametrize("line", ANSWERS)
def test_the_lines_are_lines_of_nsh(capsys: Told, line: str) -> None:
    shell = Shell()
    say(capsys, line, shell=shell)
    for fix in shell.fixes:
        name, _, rest = fix.partition(" ")
        if name == "run":
            fix = f"plan {rest}"
        elif name == "start":
            fix = f"plan start {rest}"
        elif name == "sh":
            assert subprocess.run(["sh", "-n", "-c", rest], check=False).returncode == 0, fix
            fix = join(["plan", "sh", "-c", rest])
        elif name in ("enter", "join", "stop", "log", "signal", "quit", "!clear"):
            continue
        assert say(capsys, fix, shell=shell)[1:] == ([], 0), fix


def test_what_the_state_has_is_not_asked_for_again(capsys: Told) -> None:
    shell = Shell()
    say(capsys, "flags +user +net +mnt +uts +ipc; map root; mount proc /proc", shell=shell)
    say(capsys, "docker run alpine id", shell=shell)
    assert list(shell.fixes) == ["flags +pid", "run id"]
    say(capsys, "unshare -n id", shell=shell)
    assert list(shell.fixes) == ["run id"]


def test_sudo_is_told_apart_by_who_asks(capsys: Told) -> None:
    shell = Shell()
    shell.host._capabilities = 0
    errors = say(capsys, "sudo run id", shell=shell)[1]
    assert errors[0].endswith("start nsh with sudo; inside, a user namespace gives them")
    assert list(shell.fixes) == ["flags +user", "map root", "run id"]
    shell.host._capabilities = (1 << 40) - 1
    for line, fixes in (
        ("sudo run id", ("run id",)),
        ("sudo id", ("run id",)),
        ("sudo -E A=b id", ("run id",)),
        ("sudo", ("run",)),
        ("sudo -i", ("run",)),
        ("sudo unshare -n id", ("flags +net", "run id")),
        ("sudo mount --bind /a /b", ("mount bind /a /b",)),
        ("sudo -u nobody id", ("user 65534:65534", "run id")),
        ("sudo reboot", ("explain namespace",)),
    ):
        say(capsys, line, shell=shell)
        assert list(shell.fixes) == list(fixes), line


def test_what_is_left_out_is_named(capsys: Told) -> None:
    errors = say(capsys, "docker run -p 80:80 --foo nginx")[1]
    assert errors[0].endswith("(left out: nginx 80:80 --foo)")
    errors = say(capsys, "unshare -T --boottime 5 --foo id")[1]
    assert errors[0].endswith("(left out: --foo the clocks or a loader)")


def test_a_line_of_a_shell_is_handed_to_one_whole(capsys: Told) -> None:
    line = "for i in 1 2; do echo $i; done"
    errors = say(capsys, line)[1]
    assert {error for error in errors if error.startswith("try")} == {f"try: sh {line}"}


def test_children_are_known_by_their_names(capsys: Told) -> None:
    shell = Shell()
    shell.run_line("flags +user; map root; start web sleep 1000")
    try:
        for line, fixes in (
            ("exec web ps", ["enter web ps"]),
            ("exec -it web ps", ["enter web ps"]),
            ("logs web", ["log web"]),
            ("attach web", ["enter web"]),
            ("fg web", ["wait web"]),
            ("setns(fd, CLONE_NEWUSER);", ["join web user"]),
            ("waitpid(pid, NULL, 0);", ["wait web"]),
            ("kill(pid, SIGKILL);", ["signal web KILL"]),
            ("nsenter -t $web -a id", ["enter web id"]),
            ("nsenter -t web -U id", ["join web user", "run id"]),
            ("ip netns exec web id", ["join web", "run id"]),
            ("ip netns del web", ["stop web"]),
        ):
            say(capsys, line, shell=shell)
            assert list(shell.fixes) == fixes, line
    finally:
        shell.end_all()


def test_nothing_known_is_as_before(capsys: Told) -> None:
    assert say(capsys, "xyzzy(1, 2)") == ("", ["there is no command xyzzy(1,", "try: help"], 2)
