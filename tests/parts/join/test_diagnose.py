"""Why a namespace was not joined, each cause made for real unless the name of the test says how."""

from __future__ import annotations

import errno
import os
import subprocess
import threading

import pytest

from nsh.call import Call
from nsh.host import Host
from nsh.parts.part import FailedCall
from nsh.plan.diagnose import cause_of
from nsh.plan.order import plan
from nsh.state import Join, State
from tests import needs
from tests.conftest import nsh
from tests.diagnosis import teach
from tests.parts.join.conftest import Stranger
from tests.runs import NSH, ROOT
from tests.unprivileged import UID, ordinary_user, unprivileged_command

USER = unprivileged_command()
OWN = ["flags +user +uts +net +mnt +pid +ipc +cgroup +time", "map root", "start base", "reset all"]
EACH = ["uts", "net", "mnt", "pid", "ipc", "cgroup", "time"]


@pytest.mark.parametrize("kind", EACH)
def test_what_belongs_to_the_own_user_namespace_takes_root(kind: str) -> None:
    teach(
        "start web",
        f"join web {kind}",
        "run true",
        start=USER,
        call="= -1 EPERM",
        cause=f"the {kind} namespace of web belongs to nsh's own user namespace, and to join it takes"
        f" CAP_SYS_ADMIN there, which uid {UID} does not have; flags +user does not help",
        fixes=["reset join"],
    )


@pytest.mark.parametrize("kind", EACH)
def test_the_user_namespace_that_owns_it_is_joined_too(kind: str) -> None:
    lines = [*OWN, f"join base {kind}", "show", "run id -u"]
    result = nsh(stdin="\n".join(lines), start=USER)
    assert (result.stdout, result.stderr) == (f"join base {kind}\n0\n", "")


def test_the_user_namespace_that_owns_what_is_pinned_is_joined_too() -> None:
    teach(
        *OWN,
        "pin base",
        "stop base",
        "join base net",
        "run true",
        start=USER,
        call="CLONE_NEWNET) = -1 EPERM",
        cause=f"belongs to a user namespace that uid {UID} made",
        fixes=["reset join", "join base user net"],
    )


@needs.ANOTHER
@pytest.mark.parametrize("kinds", [(), ("user",), ("uts",)])
def test_what_another_user_has_made(kinds: tuple[str, ...], stranger: Stranger) -> None:
    pid = stranger("-Uu")
    words = " ".join(kinds)
    done = subprocess.run(
        [*USER, "-c", f"join {pid} {words}"], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.returncode == 2
    assert (
        f"the namespaces of process {pid} may not be looked at: it is another user's" in done.stderr
    )


@needs.ANOTHER
def test_a_user_namespace_that_root_has_made_by_a_file(stranger: Stranger) -> None:
    pid = stranger("-Uu")
    setup = f'exec 9< /proc/{pid}/ns/user 8< /proc/{pid}/ns/uts\nexec "$@"'
    before = ["sh", "-ec", setup, "sh", *ordinary_user()]
    teach(
        "join /proc/self/fd/9",
        "run true",
        before=before,
        start=USER[len(ordinary_user()) :],
        call="CLONE_NEWUSER) = -1 EPERM",
        cause=f"was made by uid 0, and only that user and root may join it; nsh runs as uid {UID}",
        fixes=["reset join"],
    )
    teach(
        "join /proc/self/fd/8",
        "run true",
        before=before,
        start=USER[len(ordinary_user()) :],
        call="CLONE_NEWUTS) = -1 EPERM",
        cause="belongs to a user namespace that root made, and only that user and who has CAP_SYS_ADMIN",
        fixes=["reset join"],
    )


@needs.NAMESPACES
def test_what_lies_around_the_own_user_namespace() -> None:
    for kind in ("uts", "net"):
        teach(
            f"join {kind} /proc/self/fd/9",
            "run true",
            before=[
                "sh",
                "-ec",
                f'exec 9< /proc/self/ns/{kind}; exec unshare -r{kind[0]} "$@"',
                "sh",
            ],
            call="= -1 EPERM",
            cause=f"the {kind} namespace of /proc/self/fd/9 belongs to a user namespace around nsh's own",
            fixes=["reset join"],
        )
    teach(
        "join user /proc/self/fd/9",
        "run true",
        before=["sh", "-ec", 'exec 9< /proc/self/ns/user; exec unshare -r "$@"', "sh"],
        call="CLONE_NEWUSER) = -1 EPERM",
        cause="lies around nsh's own: a process can go down into user namespaces, and never up",
        fixes=["reset join"],
    )


@pytest.mark.parametrize("start", [NSH, USER])
def test_the_own_user_namespace(start: list[str]) -> None:
    teach(
        "join user /proc/self/ns/user",
        "run true",
        start=start,
        call="CLONE_NEWUSER) = -1 EINVAL (Invalid argument)",
        cause="is nsh's own, and a process cannot join the one that it is in",
        fixes=["reset join"],
    )


@needs.NAMESPACES
def test_the_own_user_namespace_among_others() -> None:
    teach(
        "flags +uts",
        "start web",
        "reset all",
        "join web uts user",
        "run true",
        call="setns(",
        cause="the user namespace of web is nsh's own",
        fixes=["reset join", "join web uts"],
    )


@needs.AROUND
def test_a_pid_namespace_around_the_own() -> None:
    teach(
        "join pid /proc/self/fd/9",
        "run true",
        before=["sh", "-ec", 'exec 9< /proc/self/ns/pid; exec unshare -pf --mount-proc "$@"', "sh"],
        call="CLONE_NEWPID) = -1 EINVAL",
        cause="a process can go down into pid namespaces, and never up or aside",
        fixes=["reset join"],
    )


@pytest.mark.parametrize("start", [NSH, USER])
def test_a_pid_namespace_whose_pid_1_has_ended(start: list[str]) -> None:
    lesson = teach(
        *OWN,
        "pin base",
        "stop base",
        "join base user pid uts",
        "run true",
        start=start,
        call="clone(child_stack=NULL, flags=CLONE_PARENT|SIGCHLD) = -1 ENOMEM (Cannot allocate memory)",
        cause="PID 1 of the pid namespace of base has ended",
    )
    assert lesson.fixes == ["reset join", "join base user uts"]


@needs.AROUND
def test_a_bound_pid_namespace_whose_pid_1_has_ended() -> None:
    bind = "mount -t tmpfs none /mnt; touch /mnt/pid; unshare --pid=/mnt/pid -f true"
    teach(
        "join /mnt/pid",
        "run true",
        before=[
            "unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-ec",
            f'{bind}; exec "$@"',
            "sh",
        ],
        call="= -1 ENOMEM",
        cause="PID 1 of the pid namespace of /mnt/pid has ended",
        fixes=["reset join"],
    )


@needs.ANOTHER
def test_a_joined_user_namespace_that_does_not_map_the_own_ids(stranger: Stranger) -> None:
    pid = stranger("-U")
    teach(
        f"join {pid}",
        "flags +user",
        "run true",
        call="unshare(CLONE_NEWUSER) = -1 EPERM",
        cause=f"the user namespace of {pid}, which is joined, does not map uid 0 and gid 0",
        fixes=["flags -user"],
    )


@pytest.mark.parametrize("start", [NSH, USER])
@pytest.mark.parametrize("kind", ["uid", "gid"])
def test_an_id_that_the_joined_user_namespace_has_not(kind: str, start: list[str]) -> None:
    teach(
        *("flags +user", "map root", "start base", "reset all", "join base", "flags +user"),
        f"{kind}map 0 5 1",
        "run true",
        start=start,
        call=f'write({kind}_map fd, "0 5 1\\n", 6) = -1 EPERM',
        cause=f"{kind} 5 cannot be mapped, because the user namespace that is joined has only {kind} 0",
        fixes=[f"{kind}map 0 0 1"],
    )


def test_setgroups_is_denied_in_the_joined_user_namespace() -> None:
    teach(
        *("flags +user", "map root", "start base", "reset all", "join base", "flags +user"),
        *("map root", "setgroups allow", "run true"),
        start=USER,
        call='write(setgroups fd, "allow", 5) = -1 EPERM',
        cause="setgroups is denied in the user namespace around this one already",
        fixes=["setgroups deny"],
    )


@pytest.mark.parametrize("start", [NSH, USER])
def test_subordinate_ids_are_not_for_a_joined_user_namespace(start: list[str]) -> None:
    lines = ["flags +user", "map root", "start base", "reset all", "join base", "flags +user"]
    done = subprocess.run(
        [*start, *[word for line in (*lines, "map auto", "run true") for word in ("-c", line)]],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert (
        "ids of this shell's user namespace, and the new one is made in a joined one" in done.stderr
    )
    assert "try: map root" in done.stderr


@needs.NAMESPACES
def test_a_thread_is_no_process() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        teach(
            f"join {thread.native_id} uts",
            "run true",
            call="pidfd_open(",
            cause=f"is a thread of the process {os.getpid()}, and pidfd_open takes processes",
            fixes=["reset join", f"join {os.getpid()} uts"],
        )
    finally:
        stop.set()
        thread.join()


def failed(call: str, error: int, target: str, **changes: object) -> tuple[str, tuple[str, ...]]:
    """What is said of that call of a run that joins the target, as if it had failed."""
    host = Host()
    state = State(joins=(Join(target, ("uts",)),), **changes)  # type: ignore[arg-type]
    wanted = plan(state, ("true",), host)
    [made] = [each for each in wanted.calls if each.name == call and each.part == "join"][:1]
    assert isinstance(made, Call)
    found = cause_of(FailedCall(made, error, wanted, host))
    return found.cause, found.fixes


@pytest.mark.parametrize("call", ["pidfd_open", "setns"])
def test_a_process_that_ends_between_two_calls_with_an_errno_put_in(call: str) -> None:
    pid = str(os.getpid())
    said = failed(call, errno.ESRCH, pid)
    assert said == (f"process {pid} has ended meanwhile", ("reset join",))


def test_a_file_that_is_taken_away_between_two_calls_with_an_errno_put_in() -> None:
    cause, fixes = failed("openat", errno.ENOENT, "/proc/self/ns/uts")
    assert "/proc/self/ns/uts is not there any more" in cause
    assert fixes == ("reset join",)


def test_a_process_that_ends_before_the_diagnosis_looks() -> None:
    process = subprocess.Popen(["sleep", "60"])
    host = Host()
    state = State(joins=(Join(str(process.pid), ("uts",)),))
    wanted = plan(state, ("true",), host)
    process.kill()
    process.wait()
    [call] = [each for each in wanted.calls if each.name == "pidfd_open"]
    found = cause_of(FailedCall(call, errno.ESRCH, wanted, host))
    assert found.cause == f"there is no process {process.pid}"
    assert found.fixes[0] == "reset join"


@needs.ANOTHER
def test_a_process_with_more_rights_with_an_errno_put_in() -> None:
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from nsh.parts.join.diagnose import _may_not_look
from nsh.parts.join.targets import Target
from nsh.host import Host
print(_may_not_look(Host(), Target("{os.getpid()}", ("uts",), {os.getpid()})).cause)
"""
    done = subprocess.run(
        [*USER[:-1], "-c", code.replace(str(ROOT), os.path.dirname(os.path.dirname(USER[-1])))],
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
    )
    assert "are for those who may trace it, and it is uid 0's, and nsh runs as uid" in done.stdout


@needs.AROUND
def test_a_directory_and_a_program_are_looked_for_in_the_joined_root() -> None:
    own = ["flags +mnt", "mount tmpfs /srv", "start kid sh -c 'mkdir /srv/in; sleep 1000'", "reset all",
           "enter kid sh -c 'until test -d /srv/in; do sleep 0.01; done'", "join kid"]  # fmt: skip
    lesson = teach(
        *own,
        "cd /srv/other",
        "run true",
        call='chdir("/srv/other") = -1 ENOENT',
        cause="there is no directory /srv/other",
        before=["unshare", "-m"],
    )
    assert lesson.fixes == ["!mkdir /proc/$kid/root/srv/other"]
    teach(
        *own,
        "run /srv/in",
        call='execve("/srv/in"',
        cause="/srv/in is a directory, and only a file can be run",
        status=126,
        works=False,
        before=["unshare", "-m"],
    )
    teach(
        *own,
        "mount tmpfs /srv/out",
        "run true",
        call='"/srv/out"',
        cause="there is no directory /srv/out to mount on",
        before=["unshare", "-m"],
    )


@needs.AROUND
def test_a_program_that_is_only_here_or_only_there() -> None:
    bin_only = "mkdir -p /opt/bin; cp /bin/true /opt/bin/"
    here = ["flags +mnt", f"start kid sh -c 'mount -t tmpfs none /opt; {bin_only}there; sleep 1000'",
            "reset all", "enter kid sh -c 'until test -x /opt/bin/there; do sleep 0.01; done'",
            "join kid mnt", "env PATH=/bin:/opt/bin"]  # fmt: skip
    setup = f'mount -t tmpfs none /opt; {bin_only}here; exec "$@"'
    lesson = teach(
        *here,
        "run here",
        before=["unshare", "-m", "sh", "-ec", setup, "sh"],
        call="execve(",
        cause="no directory of PATH has a program here",
        status=127,
        works=False,  # it runs the other one
    )
    assert lesson.fixes == ["run there"]
