"""The command diff: what one command writes on the host and inside, and what differs."""

from __future__ import annotations

import os

from nsh.commands.entering import EnterCommands
from nsh.errors import Failure, Refusal, Usage
from nsh.linux.descriptors import close
from nsh.state import START
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.call import Plan
    from nsh.host import Host
    from nsh.offers import Item
    from nsh.run.running import CallFailed
    from nsh.voice.text import Text


class Captured(Value):
    """What a command wrote, and its exit status."""

    text: str
    status: int


class DiffCommands(EnterCommands):
    """diff."""

    group = "Looking"

    def do_diff(self, line: str) -> None:
        """diff [-c NAME] CMD [ARG...]

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

        With -c, inside is a child that lives: the command runs there as with enter.

            diff -c web ps -e

        See diff(1).
        """

        argv = self.words(line, at_least=1)
        name = ""
        if argv[0] == "-c":
            if len(argv) < 3:
                raise Usage
            name, argv = argv[1], argv[2:]
        try:
            on_host = self.planned(START, argv)
            in_child = (
                self.entered(name, argv, "diff -c") if name else self.planned(self.state, argv)
            )
        except Refusal as refusal:
            raise Failure(refusal.why, *refusal.fixes, status=125) from None
        host = self._captured(on_host)
        if not isinstance(host, Captured):
            if host.call.name != "execve":
                self.explain_call(host, on_host)
                return
            host = _not_started(host, on_host, self.host)
        inside = self._captured(in_child)
        if not isinstance(inside, Captured):
            self.explain_call(inside, in_child)
            return
        self._compare(host, inside)
        status = self.status
        self.tell_run_ended(argv)
        self.status = status

    def complete_diff(self, before: list[str], word: str) -> Iterable[Item]:
        """As for run; after -c a child."""
        if before == ["-c"]:
            return [(name, f"process {pid}") for name, pid in self.host_variables().items()]
        if before[:1] == ["-c"]:
            return self.offer_program(before[2:], word)
        return self.offer_program(before, word)

    def _captured(self, wanted: Plan) -> Captured | CallFailed:
        """Run a plan with what it writes kept in memory. Raises Interrupted."""
        opened: list[int] = []
        try:
            # A file and not a pipe: nobody has to read while the command runs.
            opened.append(output := os.memfd_create("diff"))
            opened.append(null := os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
            outcome = self.attempt(wanted, (null, output, output))
            if isinstance(outcome, Exception):
                return outcome
            os.lseek(output, 0, os.SEEK_SET)
            with open(
                output, encoding="utf-8", errors="surrogateescape", newline="\n", closefd=False
            ) as file:
                text = file.read()
        finally:
            for fd in opened:
                close(fd)
        if outcome.interrupted:
            self.status = 130
            self.interrupted()
        return Captured(text, outcome.status)

    def _compare(self, host: Captured, inside: Captured) -> None:
        from nsh.commands.listing import terminal_width
        from nsh.teach import diff

        text, status = host.text, host.status
        text_inside, status_inside = inside.text, inside.status
        if host == inside:
            self.message("no difference")
            return
        self.status = 1
        lines, lines_inside = diff.lines_of(text), diff.lines_of(text_inside)
        column = diff.columns(lines, lines_inside, terminal_width())
        if text == text_inside:
            shown: Iterable[Text] = ["what it writes does not differ"]
        elif "\0" in text or "\0" in text_inside:
            shown = ["what it writes differs, and is binary"]
        elif column:
            shown = diff.side_by_side(lines, lines_inside, column)
        else:
            shown = diff.unified(lines, lines_inside)
        for each in shown:
            self.message(each)
        if status != status_inside:
            self.message(f"exit status {status} on the host, {status_inside} inside")


def _not_started(failed: CallFailed, wanted: Plan, host: Host) -> Captured:
    """What stands for the output of a command that is not there on the host."""
    from nsh.parts.part import FailedCall
    from nsh.plan.diagnose import status
    from nsh.show.plans import failed_text

    text = failed_text(failed.call, failed.values, failed.errno)
    return Captured(text + "\n", status(FailedCall(failed.call, failed.errno, wanted, host)))
