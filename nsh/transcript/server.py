"""Server: the other end of a replay, a process of its own: ``nsh --serve FD STATE``.

It forks the nsh that runs the commands and stays as its guard: orphans of the session become the
guard's children (PR_SET_CHILD_SUBREAPER), so that at the end, on SIGTERM or when the replayer is
gone, nothing of it is left. nsh reads one command at a time from the socket FD and answers with a
line when it has ended; the socket closes on execve, so that no command has it.

See prctl(2), unix(7).
"""

from __future__ import annotations

import os
import signal
import sys

from nsh.commands.started import StartedCommands
from nsh.errors import Interrupted, OutputFailed
from nsh.files import logical_lines
from nsh.linux.constants import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG
from nsh.linux.procfs import read_text
from nsh.linux.syscalls import prctl
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def serve(fd: int, state: str, make: Callable[[], StartedCommands]) -> int:
    """Guard a session until it ends.

    ``state`` is a directory for what nsh remembers; ``make`` gives the shell that runs the commands.
    """
    os.set_inheritable(fd, False)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _kill_all)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = os.getppid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            status = _serve(fd, state, make())
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


def _serve(fd: int, state: str, shell: StartedCommands) -> int:
    """Run commands from the socket until it ends or a command ends nsh."""
    # Not in the environment of the commands.
    shell.own_environ = {**shell.own_environ, "XDG_STATE_HOME": state}
    answers = os.fdopen(os.dup(fd), "wb", buffering=0)
    with os.fdopen(fd, "rb") as commands:
        while size := commands.readline():
            text = commands.read(int(size)).decode("utf-8", "surrogateescape")
            answer = run(shell, text)
            pids = " ".join([str(pid) for pid in (os.getpid(), *answer.pids)])
            how = "ended" if answer.ended else "more"
            answers.write(f"{answer.status} {how} {pids}\n".encode())
            if answer.ended:
                break
    shell.end_all()
    return shell.status


class Answer(Value):
    """What came of a command.

    ended   whether nsh is to end
    status  the status that is not printed
    pids    the processes that its runs were made of
    """

    ended: bool
    status: int
    pids: tuple[int, ...]


def run(shell: StartedCommands, text: str) -> Answer:
    """Run what was typed, as lines."""
    ended, status = False, 0
    pids: list[int] = []
    for line in logical_lines(text.split("\n")):
        shell.where = ""
        try:
            ended, status = shell.run_entry(line.text)
        except (Interrupted, KeyboardInterrupt):
            status = 130
        except OutputFailed:
            return Answer(True, 1, tuple(pids))
        finally:
            pids += shell.pids
        if ended:
            break
    shell.flush()
    return Answer(ended, status, tuple(pids))
