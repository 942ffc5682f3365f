"""The command record. What does the work is in record.py, imported when a recording starts."""

from __future__ import annotations

import os

from nsh.commands.running import RunCommands
from nsh.errors import Failure, Interrupted
from nsh.words import plural, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.offers import Item
    from nsh.transcript.record import Recorder

ENDINGS = (".nsh.md", ".nsht")
"""Of transcripts: as Markdown, and the session alone."""

_LONG = 1.0
"""Seconds of a replay from which on it is said that there is one."""


class RecordCommands(RunCommands):
    """record."""

    group = "The rest"

    def do_record(self, line: str) -> None:
        """record [FILE|off]

        Write what is typed from here on, and what it prints, to FILE. It is a
        transcript, which `nsh --test FILE` replays; `record off` ends it. Without an
        argument, show the file.

        FILE.nsh.md is Markdown, FILE.nsht the session alone; a name without an ending
        gets .nsh.md. The state so far comes first, as the commands that rebuild it;
        undo and history begin anew with them. What is known to change from run to run
        is left open: inodes of namespaces, process ids, this directory, the names of
        host and user, the time, the sizes and times of ps, df, free and their like.

        At its end it is replayed once, if all its commands are known to only look, and
        what has changed by then is left open, too. Ctrl-C leaves that out.

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
                if recorded := self.end_recording():
                    self.settle_recording(recorded)
            case [path]:
                if self.recording is not None:
                    raise Failure(f"{self.recording.path} is being recorded", "record off")
                self.start_recording(path)
                self.tell_recording()

    def complete_record(self, before: list[str], word: str) -> Iterable[Item]:
        """off while it records; before, the paths of transcripts and of directories."""
        from nsh.offers import transcripts

        if before:
            return
        if self.recording is not None:
            yield "off", f"end the recording of {self.recording.path}"
            return
        yield from transcripts(self.host.cwd, word, ENDINGS)

    def start_recording(self, path: str) -> None:
        """Record from the next line on. Raises Failure if the file cannot be written."""
        from nsh.transcript.record import Recorder

        if self.stepped is not None:
            why = "a run is being stepped through, and its beginning would not be in the record"
            raise Failure(why, "continue", "abort")
        if "." not in os.path.basename(path).lstrip(".") and not os.path.lexists(path):
            path += ENDINGS[0]
        self.recording = Recorder(path, self)
        if self.host.living:
            names = ", ".join(self.host.living)
            self.error(f"record: a replay has no {names}: what lives already is not recorded")

    def tell_recording(self) -> None:
        """At the prompt, say what file is written."""
        if self.interactive and self.recording is not None:
            self.message(f"recording to {self.recording.path}; record off ends it")

    def end_recording(self) -> Recorder | None:
        """Finish the recording, if there is one, and give it; the line that runs is not part of it."""
        recording, self.recording = self.recording, None
        if recording is not None:
            recording.close()
        return recording  # type: ignore[return-value]

    def settle_recording(self, recorded: Recorder) -> None:
        """Replay a recording that has ended, generalise it, and say what came of it.

        In a script only what went wrong is said. Raises Interrupted if Ctrl-C ended it there.
        """
        from nsh.transcript.parse import FormatError
        from nsh.transcript.settle import settle

        path = recorded.path
        said = ""
        if why := self._cannot_settle(recorded):
            said = f"{path} was not replayed: {why}"
        else:
            if self.interactive and recorded.seconds > _LONG:
                self.message(f"replaying {path}, {recorded.seconds:.0f} s; Ctrl-C leaves that out")
                self.flush()
            try:
                done = settle(path, recorded.printed or [], recorded.facts, recorded.environ)
            except (OSError, FormatError) as error:
                self.error(f"record: {path} was not replayed: {error}")
                return
            except KeyboardInterrupt:
                if not self.interactive:
                    raise Interrupted from None
                self.message(f"{path} was not replayed: Ctrl-C; it is as it was recorded")
                return
            if done.left or done.stopped:
                more = f" and {len(done.left) - 1} more" if len(done.left) > 1 else ""
                why = f"{_shown(done.left[0])}{more} printed something else" if done.left else ""
                why = "; ".join([part for part in (why, done.stopped) if part])
                self.error(f"record: {path} does not replay: {why}; to look: nsh --test {path}")
                return
            said = f"{path} replays: {plural(done.commands, 'command')}"
            said += f", {done.opened} generalised" if done.opened else ""
        if self.interactive:
            self.message(said)

    def _cannot_settle(self, recorded: Recorder) -> str:
        """Why a recording is not to be replayed here, "" if it is."""
        from nsh.transcript.settle import LIMIT

        if not recorded.lines:
            return "nothing is in it"
        if recorded.printed is None:
            return "it printed too much"
        why = ""
        if recorded.acting:
            why = f"{_shown(recorded.acting)} may change something"
        elif self.host.living:
            why = f"{', '.join(self.host.living)} still lives"
        elif recorded.seconds > LIMIT / 2:
            why = f"it takes {recorded.seconds:.0f} s"
        return f"{why}; to replay it: nsh --test {recorded.path}" if why else ""


def _shown(line: str) -> str:
    """A typed line, short enough for a message."""
    return shorten(line.partition("\n")[0], 40)
