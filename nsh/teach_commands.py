"""The commands that compare and explain: diff, explain and hints."""

from __future__ import annotations

import os
import sys

from nsh.core import Failure, Interrupted, Usage
from nsh.guard import Refusal
from nsh.plan import plan
from nsh.run_commands import RunCommands
from nsh.state import START

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.call import Plan
    from nsh.completion import Item
    from nsh.core import Trouble
    from nsh.launch import CallFailed, Outcome

    Captured = tuple[str, int]
    """What a command wrote, and its exit status."""


class TeachCommands(RunCommands):
    """diff, explain and hints."""

    def do_diff(self, line: str) -> None:
        """diff CMD [ARG...]

        Run a command on the host and then inside, and show what differs in what it
        writes: side by side where the terminal is wide enough for both, as a unified
        diff elsewhere.

        Lines with - (or on the left) are the host's, lines with + (or on the right) are
        the child's. Standard output, standard error and the exit status are compared.
        The command gets no input. The status is 0 if all is equal, 1 if something
        differs, and 125 to 127, as with run, if the command could not be started
        inside.

            flags +uts
            hostname box
            diff uname -n

        See diff(1).
        """
        from nsh import launch

        argv = self.words(line, at_least=1)
        try:
            on_host = plan(START, argv, self.host)
            in_child = plan(self.state, argv, self.host)
        except Refusal as refusal:
            raise Failure(refusal.why, *refusal.mends, status=125) from None
        try:
            host = self._captured(on_host)
        except launch.CallFailed as failure:
            if failure.call.name != "execve":
                self._failed(failure, on_host)
                return
            host = _not_started(failure, on_host)
        try:
            inside = self._captured(in_child)
        except launch.CallFailed as failure:
            self._failed(failure, in_child)
            return
        self._compare(host, inside)
        status = self.status
        self.after_run(argv)
        self.status = status

    def _captured(self, wanted: Plan) -> Captured:
        """Run a plan with what it writes kept in memory. Raises CallFailed, Interrupted."""
        from nsh import launch

        self.needs_linux()
        self.flush()
        # A file and not a pipe: nobody has to read while the command runs.
        output = os.memfd_create("diff")
        null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        try:
            outcome: Outcome = launch.launch(
                wanted,
                self._trace if self.tracing else None,
                self._still_alive,
                (null, output, output),
            )
            os.lseek(output, 0, os.SEEK_SET)
            with open(
                output, encoding="utf-8", errors="surrogateescape", newline="\n", closefd=False
            ) as file:
                text = file.read()
        finally:
            os.close(null)
            os.close(output)
        if outcome.interrupted:
            self.status = 130
            raise Interrupted
        return text, outcome.status

    def _compare(self, host: Captured, inside: Captured) -> None:
        from nsh import sides

        text, status = host
        text_inside, status_inside = inside
        if host == inside:
            self.message("no difference")
            return
        self.status = 1
        coloured = self.coloured()
        lines, lines_inside = sides.lines_of(text), sides.lines_of(text_inside)
        column = sides.columns(lines, lines_inside, _terminal_width())
        if text == text_inside:
            shown = iter(["what it writes does not differ"])
        elif "\0" in text or "\0" in text_inside:
            shown = iter(["what it writes differs, and is binary"])
        elif column:
            shown = sides.side_by_side(lines, lines_inside, column, coloured)
        else:
            shown = sides.unified(lines, lines_inside, coloured)
        for text in shown:
            self.message(text)
        if status != status_inside:
            self.message(f"exit status {status} on the host, {status_inside} inside")

    def coloured(self) -> bool:
        """Whether output may have colours: at the prompt, on a terminal that shows them, if wanted."""
        environ = self.host.environ
        return (
            self.interactive
            and sys.stdout.isatty()
            and not environ.get("NO_COLOR")
            and environ.get("TERM", "dumb") != "dumb"
        )

    def do_explain(self, line: str) -> None:
        """explain [TOPIC]

        What a namespace, a system call, an errno, an idea or a command of nsh is, what
        it is for, what surprises people about it, something to try here, and the manual
        page.

        Right after an error, without TOPIC, explain that error; otherwise list the
        topics. Names are found as people write them: pid, CLONE_NEWPID, pid namespace;
        EPERM, eperm.

            explain pid
            explain EPERM
            explain propagation
        """
        from nsh import explain

        name = " ".join(line.split()).strip("'\"")
        if not name:
            if self.trouble is None:
                self.page(self._topic_list())
            else:
                self.page(self._trouble_text(self.trouble))
            return
        found = explain.find(name)
        command = name.lower()
        texts = [] if found is None else [explain.text(found)]
        if command in self.command_names():
            texts.append(self._command_text(command, also=found is not None))
        if not texts:
            close = explain.close(name, self.command_names())
            raise Usage(f"there is no topic {name!r}", f"explain {close}".rstrip())
        self.page("\n\n".join(texts))

    def _trouble_text(self, trouble: Trouble) -> str:
        """The last error again, with what is to be known about it."""
        from nsh import explain

        parts = ["\n".join(trouble.lines)]
        number, call = explain.find(trouble.errno), explain.find(trouble.call)
        named = explain.named_namespace(trouble.lines)
        if trouble.errno and number is not None:
            parts.append(f"{number.name}: {number.summary}")
            parts.append(explain.about_errno(number, trouble.call))
        if trouble.call and call is not None:
            parts.append(explain.about(call))
            more = [topic.name for topic in (number, call) if topic is not None]
            parts.append("More: " + ", ".join([f"explain {name}" for name in more]))
        elif named is not None:
            parts.append(explain.text(named))
        elif trouble.command in self.command_names():
            parts.append(self._command_text(trouble.command, also=False))
        return "\n\n".join(parts)

    def _command_text(self, name: str, also: bool) -> str:
        from nsh.shell import manual

        start = f"The command {name} of nsh\n\n" if also else ""
        return start + manual(self, name)

    def _topic_list(self) -> str:
        from nsh import explain
        from nsh.shell import GROUPS, summary_of

        parts = []
        for group, topics in explain.groups().items():
            parts.append(group)
            parts += [f"  {topic.name:<28}{_cut(topic.summary, 50)}" for topic in topics]
        parts.append("Commands")
        for _, names in GROUPS:
            for name in names:
                if explain.find(name) is None:
                    parts.append(f"  {name:<28}{_cut(summary_of(self, name), 50)}")
        parts.append("explain TOPIC says more; after an error, explain alone explains it.")
        return "\n".join(parts)

    def topics(self) -> list[tuple[str, str]]:
        """Every word that explain takes, each with a line about it: what completion offers."""
        from nsh import explain
        from nsh.shell import summary_of

        found = dict(explain.topics())
        for name in self.command_names():
            found.setdefault(name, summary_of(self, name))
        return list(found.items())

    def complete_explain(self, before: list[str], word: str) -> Iterable[Item]:
        """The topics in the order in which they are listed, then the commands."""
        return () if before else self.topics()

    def do_hints(self, line: str) -> None:
        """hints [on|off]

        Whether a run that shows one of the surprises of namespaces is followed by a
        line that says why, and what to type. On at the prompt, off in scripts. Each
        hint is given once; `hints on` gives them all again. Without an argument, show
        whether they are on.
        """
        match self.words(line, at_most=1):
            case []:
                self.message("on" if self.hinting else "off")
            case ["on" | "off" as word]:
                self.hinting = word == "on"
                self.hinted.clear()
            case _:
                raise Usage

    def complete_hints(self, before: list[str], word: str) -> Iterable[Item]:
        """on and off."""
        if not before:
            yield "on", "say why when a run shows a surprise; each hint once again"
            yield "off", "give none"

    def after_run(self, argv: list[str]) -> None:
        """Called after each run and sh, when the command has ended by itself: gives a hint."""
        if not self.hinting:
            return
        from nsh import hints

        hint = hints.judge(self.state, argv, self.status, self.hinted)
        if hint is not None:
            self.hinted.add(hint.name)
            self.error(f"hint: {hint.text}; try: {hint.mend}")


def _not_started(failure: CallFailed, wanted: Plan) -> Captured:
    """What stands for the output of a command that is not there on the host."""
    from nsh import diagnose, render

    call = render.call_text(failure.call, failure.values)
    result = render.result_text(failure.call, -1, failure.errno)
    return f"{call} = {result}\n", diagnose.status(failure, wanted)


def _terminal_width() -> int:
    """The width of the terminal on standard output, 0 if there is none."""
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0


def _cut(text: str, size: int) -> str:
    if len(text) <= size:
        return text
    return text[: size - 1].rsplit(" ", 1)[0].rstrip(",;:") + " …"
