"""The command line: chooses where the lines come from, runs them, and gives the exit status."""

from __future__ import annotations

import errno
import os
import sys

from nsh.errors import OWN_FAILURES, Failure, Interrupted, OutputFailed, own_failure
from nsh.linux.descriptors import repair_standard
from nsh.options import LACKS, BadOption, found_options, parse_options
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nsh.shell import Shell
    from nsh.transcript.record import Recorder


def main(argv: list[str] | None = None) -> int:
    """Run nsh with these arguments (sys.argv's by default) and give its exit status."""
    try:
        repair_standard()
        status = _main(sys.argv[1:] if argv is None else argv)
    except OWN_FAILURES as error:
        _say(own_failure(error))
        status = 1
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        status = _output_failed(OutputFailed(error), status)
    return status


def _main(argv: list[str]) -> int:
    try:
        if argv[:1] in (["--test"], ["--update"]):
            return _transcripts(argv[0], argv[1:])
        if argv[:1] == ["--check"]:
            return _check(argv[1:])
        if argv[:1] == ["--serve"] and len(argv) == 3 and argv[1].isdigit():
            return _serve(*argv[1:])
        options = parse_options(argv)
    except BadOption as error:
        _say(str(error), "try: nsh --help")
        return 2
    if isinstance(options, str):
        return _printing(lambda: sys.stdout.write(options) and 0)
    script = ""
    if options.operands and not options.commands:
        script = options.operands.pop(0)
    interactive = not script and not options.commands and os.isatty(0) and os.isatty(1)
    shell = _load()(
        interactive=interactive,
        echo=options.echo,
        stop=options.stop,
        trace=options.trace,
        args=options.operands,
    )
    try:
        if options.record:
            shell.start_recording(options.record)
        if options.lesson:
            shell.run_line(join(["lesson", options.lesson]))
            if shell.status:
                return shell.status
        if interactive:
            _typed(shell)
        elif options.commands:
            lines = [line for text in options.commands for line in text.split("\n")]
            shell.run_script(lines, "-c")
        elif script in ("", "-"):
            shell.run_script(_stdin_lines(shell), "stdin")
        else:
            shell.run_script(_script_lines(script), script)
        shell.flush()
    except Failure as failure:
        if options.record and shell.recording is None:
            _say(failure.why, *[f"try: {fix}" for fix in failure.fixes])
            return failure.status
        _say(failure.why, "try: nsh --help")
        return 126 if script in ("", "-") or os.path.exists(script) else 127
    except OutputFailed as failed:
        shell.end_recording()
        return _output_failed(failed, shell.status)
    except (Interrupted, KeyboardInterrupt):
        shell.end_recording()
        return _die_of_interrupt()
    finally:
        recorded = shell.end_recording()
        shell.end_all()
        if recorded is not None and not _settled(shell, recorded):
            _die_of_interrupt()
    return shell.status


def _settled(shell: Shell, recorded: Recorder) -> bool:
    """Replay what was recorded, for which no child may live any more. False if Ctrl-C ended it."""
    shell.tell_host()
    shell.where = ""
    try:
        shell.settle_recording(recorded)
        shell.flush()
    except (Interrupted, KeyboardInterrupt):
        return False
    except OutputFailed:
        pass  # what was to be said is all that is lost
    return True


def _load() -> type[Shell]:
    """Import the shell, without looking for garbage meanwhile: there is none, and much to look at."""
    import gc

    gc.disable()
    from nsh.shell import Shell

    gc.freeze()
    gc.enable()
    return Shell


def _transcripts(action: str, argv: list[str]) -> int:
    """nsh --test and nsh --update. Raises BadOption."""
    testing = action == "--test"
    own = ("q", ["quiet", "jobs="]) if testing else ("y", ["yes"])
    found, paths = found_options(argv, *own, action)
    quiet = yes = False
    jobs = 1
    for name, value in found:
        match name:
            case "-q" | "--quiet":
                quiet = True
            case "-y" | "--yes":
                yes = True
            case _:
                if not (value.isascii() and value.isdigit() and int(value)):
                    raise BadOption(LACKS[name])
                jobs = int(value)
    if not paths:
        raise BadOption(f"{action} needs at least one file")
    from nsh.transcript import batch

    if testing:
        return _printing(lambda: batch.replay_files(paths, quiet=quiet, jobs=jobs))
    return _printing(lambda: batch.update_files(paths, yes=yes))


def _check(argv: list[str]) -> int:
    """nsh --check. Raises BadOption."""
    _, paths = found_options(argv, "", [], "--check")
    if not paths:
        raise BadOption("--check needs at least one file")
    from nsh.course.check import check_files

    return _printing(lambda: check_files(paths))


def _printing(work: Callable[[], int]) -> int:
    """The status of what prints without a shell, whose doors would know that nobody reads."""
    try:
        return work()
    except (OSError, ValueError) as error:
        return _output_failed(OutputFailed(error), 1)
    except KeyboardInterrupt:
        return _die_of_interrupt()


def _serve(fd: str, state: str) -> int:
    """The other end of a replay; not for people."""
    from nsh.shell import Shell
    from nsh.transcript.server import serve

    return serve(int(fd), state, lambda: Shell(echo=True))


def _script_lines(path: str) -> Iterable[str]:
    """The lines of a script; of a transcript, those of its commands, at their places."""
    from nsh.files import open_script

    lines = open_script(path)
    if not path.endswith((".nsh.md", ".nsht")):
        return lines
    from nsh.transcript.parse import FormatError, parse_transcript

    try:
        found = parse_transcript("".join(lines), path)
    except FormatError as error:
        raise Failure(str(error)) from None
    kept = [""] * len(lines)
    for each in found.commands:
        kept[each.line - 1 : each.line - 1 + len(each.parts)] = each.parts
    return kept


def _typed(shell: Shell) -> None:
    """The prompt, or the plain one on a terminal that can do nothing."""
    from nsh.prompt.typed import plain_loop, start
    from nsh.voice.pager import is_dumb

    dumb = is_dumb(shell.host.environ)
    recording, shell.recording = shell.recording, None
    try:
        # What nshrc does is the state that a recording begins with.
        if start(shell, keys=not dumb):
            return
    finally:
        if recording is not None:
            shell.end_recording()  # of a line in nshrc
            shell.recording = recording
    shell.tell_recording()
    if not dumb:
        try:
            from nsh.prompt.line import Prompt

            Prompt(shell).loop()
            return
        except OWN_FAILURES as error:
            # What asyncio could not set up to the end complains of that when it is freed.
            import warnings

            warnings.simplefilter("ignore", RuntimeWarning)
            sys.unraisablehook = lambda _: None
            shell.error(
                own_failure(error), "from here on the prompt has no keys but the terminal's"
            )
    plain_loop(shell)


def _stdin_lines(shell: Shell) -> Iterator[str]:
    """The lines of standard input as they arrive, from a copy of it. Raises Failure.

    Children get /dev/null in its place: a child must not eat the script. What nsh has written is
    handed over before it waits for the next line, for whoever talks to it through pipes.
    """
    from nsh.files import open_text

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


def _say(*texts: str) -> None:
    try:
        for text in texts:
            sys.stderr.write(f"nsh: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass


def _output_failed(failed: OutputFailed, status: int) -> int:
    # What is still buffered cannot be written; without this Python would try again at its end.
    try:
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
    except OSError:
        pass
    if failed.errno == errno.EPIPE:
        # Nobody reads any more, such as head: the end is silent, and its status tells.
        return _die_of("SIGPIPE")
    _say(f"cannot write to standard output: {failed}")
    return status or 1


def _die_of_interrupt() -> int:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
    return _die_of("SIGINT")


def _die_of(name: str) -> int:
    """End by a signal, so that the shell around nsh sees why."""
    import signal

    number = signal.Signals[name]
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    return 128 + number
