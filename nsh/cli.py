"""The command line: chooses where the lines come from, runs them, and gives the exit status."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nsh.shell import Shell

USAGE = """\
usage: nsh [-evx] [SCRIPT [ARG...]]
       nsh [-evx] -c COMMANDS [-c COMMANDS]... [ARG...]

A shell for learning and trying Linux namespaces. Without SCRIPT and -c, a
prompt at a terminal, or commands from standard input, as for a SCRIPT named -.
In the lines of sh, ! and host the ARGs are $1 and so on.

  -c COMMANDS   run these commands
  -e            stop at the first command that fails
  -v            show each line before it runs, and [STATUS] after a failure
  -x            print each system call of a run, as `trace on` does
  -h, --help    show this
  --version     show the version

At the prompt: help.
"""


class Options:
    """What the command line asks for."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.stop = False
        self.echo = False
        self.trace = False
        self.operands: list[str] = []


class BadOption(Exception):
    """An option that there is not, or without its argument."""


def parse(argv: list[str]) -> Options | str:
    """The options, or a text to print instead of running. Raises BadOption."""
    options = Options()
    at = 0
    while at < len(argv):
        word = argv[at]
        at += 1
        if word == "--":
            break
        if word in ("-h", "--help"):
            return USAGE
        if word == "--version":
            from nsh import __version__

            return f"nsh {__version__}\n"
        if word.startswith("--") or not word.startswith("-") or word == "-":
            if word.startswith("--"):
                raise BadOption(f"there is no option {word}")
            at -= 1
            break
        for index, letter in enumerate(word[1:], 2):
            if letter == "c":
                rest = word[index:]
                if not rest:
                    if at >= len(argv):
                        raise BadOption("-c needs the commands as its argument")
                    rest = argv[at]
                    at += 1
                options.commands.append(rest)
                break
            if letter == "e":
                options.stop = True
            elif letter == "v":
                options.echo = True
            elif letter == "x":
                options.trace = True
            elif letter == "h":
                return USAGE
            else:
                raise BadOption(f"there is no option -{letter}")
    options.operands = argv[at:]
    return options


def main(argv: list[str] | None = None) -> int:
    """Run nsh with these arguments (sys.argv's by default) and give its exit status."""
    _repair_descriptors()
    status = _main(sys.argv[1:] if argv is None else argv)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError) as error:
        status = _output_failed(getattr(error, "strerror", None) or str(error), status)
    return status


def _main(argv: list[str]) -> int:
    try:
        options = parse(argv)
    except BadOption as error:
        _say(str(error), "try: nsh --help")
        return 2
    if isinstance(options, str):
        if sys.stdout is None:
            return _output_failed("it is closed", 0)
        sys.stdout.write(options)
        return 0
    from nsh.core import Failure, Interrupted, OutputFailed
    from nsh.shell import Shell

    script = ""
    if options.operands and not options.commands:
        script = options.operands.pop(0)
    interactive = not script and not options.commands and os.isatty(0) and os.isatty(1)
    shell = Shell(
        interactive=interactive,
        echo=options.echo,
        stop=options.stop,
        trace=options.trace,
        args=options.operands,
    )
    try:
        if interactive:
            _typed(shell)
        elif options.commands:
            lines = [line for text in options.commands for line in text.split("\n")]
            shell.run_script(lines, "-c")
        elif script in ("", "-"):
            shell.run_script(_stdin_lines(shell), "stdin")
        else:
            from nsh.shell import open_script

            shell.run_script(open_script(script), script)
        shell.flush()
    except Failure as failure:
        _say(failure.why, "try: nsh --help")
        return 126 if script in ("", "-") or os.path.exists(script) else 127
    except OutputFailed as error:
        return _output_failed(str(error), shell.status)
    except (Interrupted, KeyboardInterrupt):
        return _die_of_interrupt()
    return shell.status


def _typed(shell: Shell) -> None:
    """The prompt, or the plain one on a terminal that can do nothing."""
    from nsh.interactive import is_dumb, plain_loop, start

    dumb = is_dumb(shell.host.environ)
    if start(shell, keys=not dumb):
        return
    if dumb:
        plain_loop(shell)
    else:
        from nsh.prompt import Prompt

        Prompt(shell).loop()


def _stdin_lines(shell: Shell) -> Iterator[str]:
    """The lines of standard input as they arrive, from a copy of it. Raises Failure.

    Children get /dev/null in its place: a child must not eat the script. What nsh has written is
    handed over before it waits for the next line, for whoever talks to it through pipes.
    """
    from nsh.core import Failure
    from nsh.shell import open_text

    try:
        script = open_text(os.dup(0))
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        while line := script.readline():
            yield line
            shell.flush()
    except OSError as error:
        raise Failure(f"cannot read standard input: {error.strerror}") from None


def _repair_descriptors() -> None:
    # With 0, 1 or 2 closed, the next descriptor that is opened would take its place and a child
    # would write into it. /dev/null holds the place here, and closes on execve, so that a child
    # finds it closed as nsh did.
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open("/dev/null", os.O_RDWR)
    # What is not valid text passes through: out as the bytes that came in.
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(  # type: ignore[union-attr]
                encoding=sys.getfilesystemencoding(), errors="surrogateescape"
            )


def _say(*texts: str) -> None:
    try:
        for text in texts:
            sys.stderr.write(f"nsh: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass


def _output_failed(reason: str, status: int) -> int:
    _say(f"cannot write to standard output: {reason}")
    # What is still buffered cannot be written; without this Python would try again at its end.
    try:
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
    except OSError:
        pass
    return status or 1


def _die_of_interrupt() -> int:
    """End by SIGINT, so that the shell around nsh sees why."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    return 130
