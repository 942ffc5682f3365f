"""The command record. What does the work is in record.py, imported when a recording starts."""

from __future__ import annotations

from nsh.commands.running import RunCommands
from nsh.errors import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.offers import Item


class RecordCommands(RunCommands):
    """record."""

    group = "The rest"

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
        from nsh.offers import transcripts

        if before:
            return
        if self.recording is not None:
            yield "off", f"end the recording of {self.recording.path}"
            return
        yield from transcripts(self.host.cwd, word, (".nsh.md", ".nsht"))

    def start_recording(self, path: str) -> None:
        """Record from the next line on. Raises Failure if the file cannot be written."""
        from nsh.transcript.record import Recorder

        if self.stepped is not None:
            why = "a run is being stepped through, and its beginning would not be in the record"
            raise Failure(why, "continue", "abort")
        self.recording = Recorder(path, self)
        if self.host.living:
            names = ", ".join(self.host.living)
            self.error(f"record: a replay has no {names}: what lives already is not recorded")

    def end_recording(self) -> None:
        """Finish the recording, if there is one; the line that runs is not part of it."""
        recording, self.recording = self.recording, None
        if recording is not None:
            recording.close()
