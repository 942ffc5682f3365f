"""The command record, and what a recording and a replay need of a line: its output and its status.

What does the work is in nsh.transcript, imported when a recording starts.
"""

from __future__ import annotations

from nsh.core import Failure, Interrupted
from nsh.run_commands import RunCommands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.call import Plan
    from nsh.completion import Item
    from nsh.launch import Outcome
    from nsh.shell import Shell
    from nsh.transcript.record import Recorder


class RecordCommands(RunCommands):
    """record, and lines whose last status is handed over instead of printed.

    recording  where the session is written, None if it is not
    held       the status of a line's last command so far; None while statuses are printed at once
    seen_pids  the processes that runs have made since this was last emptied
    """

    recording: Recorder | None = None
    held: int | None = None
    seen_pids: list[int] = []

    def do_record(self, line: str) -> None:
        """record [FILE|off]

        Write what is typed from here on, and what it prints, to FILE. It is a
        transcript, which `nsh --test FILE` replays; `record off` ends it. Without an
        argument, show the file.

        FILE.nsh.md is Markdown, FILE.nsht the session alone. The state so far comes
        first, as the commands that rebuild it; undo and history begin anew with them.
        What is known to change from run to run is left open: inodes of namespaces,
        process ids, this directory, the names of host and user, the time.

        While it records, commands run as in a replay: standard input is /dev/null, both
        outputs are one pipe, and the environment is LC_ALL=C, TZ=UTC, COLUMNS=80,
        TERM=dumb, SHELL=/bin/sh with your PATH, HOME, USER and LOGNAME. At the prompt,
        programs that drive the terminal (editors, pagers, shells) get it as ever; they
        cannot be replayed and are left out.
        """
        if self.recording is not None:
            self.recording.about_itself = True
        match self.words(line, at_most=1):
            case []:
                self.message(self.recording.path if self.recording else "off")
            case ["off"]:
                if self.recording is None:
                    raise Failure("nothing is being recorded", "record FILE")
                self.end_recording()
            case [path]:
                if self.recording is not None:
                    raise Failure(f"{self.recording.path} is being recorded", "record off")
                self.start_recording(path)

    def complete_record(self, before: list[str], word: str) -> Iterable[Item]:
        """off while it records; before, the paths of transcripts and of directories."""
        from nsh.completion import paths

        if before:
            return
        if self.recording is not None:
            yield "off", f"end the recording of {self.recording.path}"
            return
        shell: Shell = self  # type: ignore[assignment]
        for path, about in paths(shell, word, from_host=True):
            if path.endswith(("/", ".nsh.md", ".nsht")):
                yield path, about

    def start_recording(self, path: str) -> None:
        """Record from the next line on. Raises Failure if the file cannot be written."""
        from nsh.transcript.record import Recorder

        self.recording = Recorder(path, self)

    def end_recording(self) -> None:
        """Finish the recording, if there is one; the line that runs is not part of it."""
        recorder, self.recording = self.recording, None
        if recorder is not None:
            recorder.close()

    def run_entry(self, line: str) -> tuple[bool, int]:
        """Run one whole line without printing the status of its last command.

        Gives whether the shell shall end, and that status.
        """
        self.held = 0
        try:
            return super().run_line(line), self.held
        finally:
            self.held = None

    def run_line(self, line: str) -> bool:
        """Run one whole line, recorded if it is typed while a recording runs."""
        recorder = self.recording
        if recorder is None or self.held is not None or not line.strip():
            return super().run_line(line)
        self.seen_pids = []
        recorder.begin(line)
        where, self.where = self.where, ""  # a transcript says it as the prompt does
        status = 130  # of a line that Ctrl-C ends
        ended = False
        try:
            ended, status = self.run_entry(line)
        finally:
            self.where = where
            recorder.end(status)
        if status and (self.interactive or self.echo):
            self.message(f"[{status}]")
        return ended

    def onecmd(self, line: str) -> bool:
        """Run one command; the held status of the one before it on the line is printed first."""
        self._release()
        return super().onecmd(line)

    def error(self, *texts: str) -> None:
        """Say it after the held status of the command before."""
        self._release()
        super().error(*texts)

    def after_command(self) -> None:
        """Show the status of a command that failed, or hold it."""
        if self.held is None:
            super().after_command()
        elif not self.sourcing:
            self.held = self.status

    def _release(self) -> None:
        if self.held and not self.sourcing:
            self.message(f"[{self.held}]")
            self.held = 0

    def _launch(self, wanted: Plan) -> Outcome | None:
        if self.held is None:
            return super()._launch(wanted)
        if self.recording is None:
            outcome = super()._launch(wanted)
        else:
            try:
                with self.recording.around(wanted) as planned:
                    outcome = super()._launch(planned)
            except Interrupted:
                self.recording.left_out = "Ctrl-C interrupted it"
                raise
        if outcome is not None:
            self.seen_pids = [*self.seen_pids, *outcome.pids]
        return outcome

    def _failed(self, failure: object, wanted: Plan) -> None:
        if self.held is not None:
            from nsh.call import CHILD

            pids = [failure.values.get(name, 0) for name in (CHILD, wanted.last)]  # type: ignore[attr-defined]
            self.seen_pids = [*self.seen_pids, *[pid for pid in pids if pid > 0]]
        super()._failed(failure, wanted)
