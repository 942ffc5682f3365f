"""The calls that enter the directory and turn the process into the command."""

from __future__ import annotations

from nsh.call import Call, Vector
from nsh.host import Host
from nsh.linux.constants import DEFAULT_PATH
from nsh.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def enter(state: State, actor: str) -> Iterator[Call]:
    """The call that enters the directory."""
    if state.cwd is not None:
        why = "as asked for with cd, after the mounts"
        yield Call(actor, "chdir", (state.cwd,), why, part="process")


def become(state: State, argv: tuple[str, ...], host: Host, actor: str) -> Iterator[Call]:
    """One execve(2) for each file that execvp(3) would try."""
    environ = host.environment(state.env)
    words = Vector(argv)
    for program in candidates(argv[0], search_path(state, host)):
        args = (program, words, environ)
        yield Call(actor, "execve", args, "the process becomes the command", part="process")


def variable(state: State, host: Host, name: str) -> str | None:
    """The value that a variable will have inside, None if it is not set."""
    for change in state.env:
        if change.name == name:
            return change.value
    return host.environ.get(name)


def search_path(state: State, host: Host) -> str:
    """The directories, with colons, in which a program is looked up inside."""
    path = variable(state, host, "PATH")
    return DEFAULT_PATH if path is None else path


def candidates(program: str, path: str) -> list[str]:
    """The files that execvp(3) tries for a program, in order."""
    if "/" in program or not program:
        return [program]
    return [f"{directory or '.'}/{program}" for directory in path.split(":")]
