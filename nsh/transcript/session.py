"""Session: the other end of a replay, a program of its own.

``session.py serve FD`` forks the nsh that runs the commands and stays as its guard: orphans of the
session become the guard's children (PR_SET_CHILD_SUBREAPER), so that at the end, on SIGTERM or when
the replayer is gone, nothing of it is left. nsh reads one command at a time from the socket FD and
answers with a line when it has ended; the socket closes on execve, so that no command has it.

``session.py probe root|userns`` tries what a transcript requires; status 0 if it is there.

See prctl(2), unix(7).
"""

from __future__ import annotations

import os
import signal
import sys

if not __package__:
    sys.path.insert(0, __file__.rpartition("/nsh/")[0])

from nsh import syscalls
from nsh.core import Interrupted, OutputFailed
from nsh.files import logical_lines
from nsh.host import read_text
from nsh.plan import PR_SET_PDEATHSIG
from nsh.shell import Shell


def serve(fd: int, state: str) -> int:
    """Guard a session until it ends. ``state`` is a directory for what nsh remembers."""
    os.set_inheritable(fd, False)
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _kill_all)
    syscalls.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = os.getppid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            syscalls.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            status = _session(fd, state)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    os.close(fd)
    if parent == 1:
        _kill_all()
    status = 1
    while True:
        try:
            ended, how = os.waitpid(-1, 0)
        except ChildProcessError:
            if os.getppid() != parent:
                # The replayer was killed and cannot tidy up.
                import shutil

                shutil.rmtree(os.path.dirname(state), ignore_errors=True)
            return status
        if ended == pid:
            code = os.waitstatus_to_exitcode(how)
            status = 128 - code if code < 0 else code
            _kill_all()


def _kill_all(number: int = 0, frame: object = None) -> None:
    """SIGKILL every process below this one; those that are orphaned by it are below, too."""
    while True:
        me = os.getpid()
        children = (read_text(f"/proc/{me}/task/{me}/children") or "").split()
        alive = [int(child) for child in children if not _is_zombie(child)]
        for child in alive:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
            except (ProcessLookupError, ChildProcessError):
                pass
        if not alive:
            return


def _is_zombie(pid: str) -> bool:
    stat = read_text(f"/proc/{pid}/stat") or ""
    return stat.rpartition(")")[2].split()[:1] == ["Z"]


def _session(fd: int, state: str) -> int:
    """Run commands from the socket until it ends or a command ends nsh."""
    shell = Shell(echo=True)
    # What nsh itself remembers between sessions (not what a command sees) goes into the replay's
    # own directory.
    os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = state
    answers = os.fdopen(os.dup(fd), "wb", buffering=0)
    with os.fdopen(fd, "rb") as commands:
        while size := commands.readline():
            text = commands.read(int(size)).decode("utf-8", "surrogateescape")
            ended, status = run(shell, text)
            pids = " ".join(str(pid) for pid in (os.getpid(), *shell.seen_pids))
            answers.write(f"{status} {'ended' if ended else 'more'} {pids}\n".encode())
            if ended:
                break
    return shell.status


def run(shell: Shell, text: str) -> tuple[bool, int]:
    """Run what was typed, as lines: (whether nsh shall end, the status that is not printed)."""
    ended, status = False, 0
    shell.seen_pids = []
    for _, line, _ in logical_lines(text.split("\n")):
        shell.where = ""
        try:
            ended, status = shell.run_entry(line)
        except (Interrupted, KeyboardInterrupt):
            status = 130
        except OutputFailed:
            return True, 1
        if ended:
            break
    shell.flush()
    return ended, status


def _unshare(flags: int) -> None:
    """unshare(2). Raises OSError."""
    function, args = syscalls.in_c("unshare", (flags,))
    if function(*args) < 0:
        number = syscalls.last_errno()
        raise OSError(number, os.strerror(number))


def probe(word: str) -> int:
    """Whether this process may have what a transcript requires. See unshare(2)."""
    from nsh.namespaces import BY_NAME

    uid, gid = os.geteuid(), os.getegid()
    try:
        if word == "root":
            if uid:
                print(f"this is uid {uid}")
                return 1
        else:
            _unshare(BY_NAME["user"].flag)
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1")):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
            with open("/proc/self/gid_map", "w") as file:
                file.write(f"0 {gid} 1")
        _unshare(BY_NAME["uts"].flag | BY_NAME["mnt"].flag)
    except OSError as error:
        print(f"unshare: {error.strerror}")
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "probe":
        sys.exit(probe(sys.argv[2]))
    sys.exit(serve(int(sys.argv[2]), sys.argv[3]))
