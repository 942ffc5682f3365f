"""The pytest plugin: collects transcripts, one item a file.

It is loaded in every project that has nsh installed, so it imports nothing of nsh before the first
transcript. A transcript always runs in a process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback

if TYPE_CHECKING:
    from nsh.transcript.parse import Transcript
    from nsh.transcript.replay import Replay


def pytest_addoption(parser: pytest.Parser) -> None:
    """--nsh-strict, --nsh-update and the ini option nsh_files."""
    group = parser.getgroup("nsh", "transcripts of nsh")
    group.addoption(
        "--nsh-strict",
        action="store_true",
        help="a transcript that is skipped counts as a failure",
    )
    group.addoption(
        "--nsh-update",
        action="store_true",
        help="rewrite what stopped matching in transcripts, without asking",
    )
    parser.addini(
        "nsh_files",
        "further files that are transcripts, as patterns below the root directory",
        type="args",
        default=[],
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> TranscriptFile | None:
    """NAME.nsh.md, NAME.nsht, and what nsh_files names."""
    if file_path.name.endswith((".nsh.md", ".nsht")) or _is_named(file_path, parent.config):
        file: TranscriptFile = TranscriptFile.from_parent(parent, path=file_path)
        return file
    return None


def _is_named(path: Path, config: pytest.Config) -> bool:
    patterns = config.getini("nsh_files")
    if not patterns:
        return False
    try:
        relative = path.relative_to(config.rootpath).as_posix()
    except ValueError:
        return False
    return any(fnmatch(relative, pattern) for pattern in patterns)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With --nsh-update: what was rewritten, and what was left."""
    if not terminalreporter.config.getoption("--nsh-update"):
        return
    # The sections of a report also come from the workers of xdist.
    sections = [
        section
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for section in report.sections
    ]
    told = [
        f"{what} {text.splitlines()[0]}"
        for what, title in (("rewrote", _REWROTE), ("left   ", _LEFT))
        for text in sorted(text for name, text in sections if name == f"Captured {title} call")
    ]
    if told:
        terminalreporter.section("transcripts")
    for line in told:
        terminalreporter.line(line)


_REWROTE, _LEFT = "nsh rewrote", "nsh left"


class TranscriptFile(pytest.File):
    """A file with one transcript in it."""

    def collect(self) -> Iterable[pytest.Item]:
        """One item for the whole file; none for a lesson: nsh --check tries those."""
        from nsh.transcript.parse import FormatError, read

        shown = _shown(self.path)
        try:
            transcript = read(self.path)
        except FormatError as error:
            item = TranscriptItem.from_parent(self, name="session")
            item.broken = (error.line, f"{shown}:{error.line}: {error.why}")
            return [item]
        if transcript.is_lesson:
            return []
        transcript.path = shown
        item = TranscriptItem.from_parent(self, name="session")
        item.transcript = transcript
        if not transcript.commands:
            item.broken = (1, f"{shown}:1: there is no command in it")
        return [item]


def _shown(path: Path) -> str:
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


class Mismatch(Exception):
    """A transcript that did not go as it should: the line, a headline, the whole report."""

    def __init__(self, line: int, headline: str, report: str = "") -> None:
        super().__init__(headline)
        self.line = line
        self.headline = headline
        self.report = report


class TranscriptItem(pytest.Item):
    """A transcript to replay.

    broken  (line, why) if the file is no transcript
    """

    transcript: Transcript
    broken: tuple[int, str] | None = None
    line = 1

    def runtest(self) -> None:
        """Replay it in a fresh nsh. Raises Mismatch, or pytest's Skipped."""
        from nsh.transcript.replay import replay_transcript
        from nsh.transcript.report import full_report, headline

        if self.broken:
            raise self._left(Mismatch(*self.broken))
        done = replay_transcript(self.transcript)
        if done.skipped:
            self._skip(done)
        if not done.passed and self.config.getoption("--nsh-update"):
            self._update(done)
            if not done.stopped:
                return
        if not done.passed:
            first = headline(done)
            path = self.transcript.path
            number = first.removeprefix(f"{path}:").partition(":")[0]
            found = Mismatch(int(number) if number.isdigit() else 1, first, full_report(done))
            if done.stopped:
                why = f"{path}:{done.stopped_at}: {done.stopped}"
                self._left(Mismatch(done.stopped_at, why))
            raise found

    def _left(self, wrong: Mismatch) -> Mismatch:
        """Note for the summary that --nsh-update leaves the file, or the rest of it, as it is."""
        if self.config.getoption("--nsh-update"):
            self.add_report_section("call", _LEFT, wrong.headline)
        return wrong

    def _skip(self, done: Replay) -> None:
        assert done.skipped
        self.line, why = done.skipped
        self._left(Mismatch(self.line, f"{self.transcript.path}:{self.line}: {why}"))
        if self.config.getoption("--nsh-strict"):
            raise Mismatch(
                self.line,
                f"{self.transcript.path}:{self.line}: skipped (--nsh-strict): {why}",
            )
        raise pytest.skip.Exception(why, _use_item_location=True)

    def _update(self, done: Replay) -> None:
        from nsh.transcript.update import patch, rewritten, updated, write
        from nsh.words import plural

        text = updated(done)
        shown = patch(done, text)
        if not shown:
            return
        path, count = self.transcript.path, len(rewritten(done))
        try:
            write(str(self.path), text)
        except OSError as error:
            why = f"{path}:1: cannot write it: {error.strerror}"
            raise self._left(Mismatch(1, why)) from None
        told = f"{path}: {plural(count, 'command')}"
        self.add_report_section("call", _REWROTE, f"{told}\n{shown}")

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the item is: the line of what it was skipped for, else the first."""
        return self.path, self.line - 1, self.parent.name if self.parent else self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report as it is; its first line stands alone in the short summary."""
        if not isinstance(excinfo.value, Mismatch):
            return super().repr_failure(excinfo, style)
        wrong = excinfo.value
        text = f"{wrong.headline}\n\n{wrong.report}\n" if wrong.report else f"{wrong.headline}\n"
        # These classes, and no others, keep the headline on the way from a worker of xdist.
        return ReprExceptionInfo(
            reprcrash=ReprFileLocation(str(self.path), wrong.line, self._brief(wrong)),
            reprtraceback=ReprTraceback([ReprEntryNative([text])], None, "native"),
        )

    def _brief(self, wrong: Mismatch) -> str:
        """The headline beside the name of the item, which begins with the path."""
        place = f"{_shown(self.path)}:{wrong.line}: "
        return f"line {wrong.line}: {wrong.headline.removeprefix(place)}"
