"""Options: the words of nsh's own command line, taken apart. Pure."""

from __future__ import annotations

USAGE = """\
usage: nsh [-evx] [SCRIPT [ARG...]]
       nsh [-evx] -c COMMANDS [-c COMMANDS]... [ARG...]
       nsh --record FILE [-evx] [-c COMMANDS]... [SCRIPT [ARG...]]
       nsh --test [-q] [--jobs N] FILE...
       nsh --update [--yes] FILE...
       nsh --lesson NAME
       nsh --check FILE...

A shell for learning and trying Linux namespaces. Without SCRIPT and -c, a
prompt at a terminal, or commands from standard input, as for a SCRIPT named -.
In the lines of sh, ! and host the ARGs are $1 and so on.

  -c COMMANDS   run these commands
  -e            stop at the first command that fails
  -v            show each line before it runs, and [STATUS] after a failure
  -x            print each system call of a run, as `trace on` does
  --record FILE write the session to FILE, a transcript
  --test        replay transcripts and compare; -q: say only what failed;
                --jobs N: N at a time
  --update      replay transcripts and rewrite what stopped matching, after
                asking; --yes: at once
  --lesson NAME start with that lesson; `lesson` at the prompt lists them
  --check       try lessons: each goal fails at first and is reached by its
                solution
  -h, --help    show this
  --version     show the version

At the prompt, or here with -c: `help` lists the commands and the pages of the
manual; `help PAGE` shows one, such as `help scripts`.
"""


class Options:
    """What the command line asks for."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.stop = False
        self.echo = False
        self.trace = False
        self.operands: list[str] = []
        self.record = ""
        self.lesson = ""


class BadOption(Exception):
    """An option that there is not, or without its argument."""


LACKS = {
    "-c": "-c needs the commands as its argument",
    "--record": "--record needs the name of the file",
    "--lesson": "--lesson needs the name of the lesson",
    "--jobs": "--jobs needs a number from 1 on",
}


def found_options(
    argv: list[str], short: str, long: list[str], action: str = ""
) -> tuple[list[tuple[str, str]], list[str]]:
    """Options and operands, as getopt(3) takes them apart, but no short forms of long options.

    After an ``action``, such as --test, options may stand behind operands. Raises BadOption.
    """
    import getopt

    there_is_no = f"{action} has no option" if action else "there is no option"
    try:
        found, operands = (getopt.gnu_getopt if action else getopt.getopt)(argv, short, long)
    except getopt.GetoptError as error:
        name = f"{'--' if len(error.opt) > 1 else '-'}{error.opt}"
        if "requires" in error.msg and name in LACKS:
            raise BadOption(LACKS[name]) from None
        word = next((word for word in argv if word.startswith(name)), name)
        raise BadOption(f"{there_is_no} {word if name[:2] == '--' else name}") from None
    typed = [word.partition("=")[0] for word in argv]
    for name, _ in found:
        if name not in typed and name.startswith("--"):
            short_form = next(word for word in typed if word[:2] == "--" and name.startswith(word))
            raise BadOption(f"{there_is_no} {short_form}")
    return found, operands


def parse_options(argv: list[str]) -> Options | str:
    """The options, or a text to print instead of running. Raises BadOption."""
    options = Options()
    found, options.operands = found_options(
        argv, "c:evxh", ["help", "version", "record=", "lesson="]
    )
    for name, value in found:
        match name:
            case "-h" | "--help":
                return USAGE
            case "--version":
                from nsh import __version__

                return f"nsh {__version__}\n"
            case "-c":
                options.commands.append(value)
            case "-e":
                options.stop = True
            case "-v":
                options.echo = True
            case "-x":
                options.trace = True
            case "--record":
                options.record = value
            case "--lesson":
                options.lesson = value
    return options
