"""Batch: ``nsh --test FILE...`` and ``nsh --update FILE...``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from nsh.transcript.parse import FormatError, read
from nsh.transcript.replay import Replay, replay_transcript
from nsh.transcript.report import failures, full_report, headline
from nsh.words import plural

PASSED, FAILED, BROKEN = 0, 1, 2


def replay_files(paths: list[str], *, quiet: bool = False, jobs: int = 1) -> int:
    """Replay the transcripts, tell how they went, give the exit status.

    0 if none failed, 1 if one did, 2 if one is not there or is no transcript. With ``jobs`` as many
    run at the same time; what is told is in the order of ``paths``.
    """
    start = time.monotonic()
    counts = {"passed": 0, "failed": 0, "skipped": 0, "broken": 0}
    commands = 0
    for path, done in _replays(paths, jobs):
        if isinstance(done, str):
            counts["broken"] += 1
            _print(f"ERROR {done}")
        elif done.skipped:
            counts["skipped"] += 1
            if not quiet:
                _print(f"skip  {path}:{done.skipped[0]}: {done.skipped[1]}")
        elif done.passed:
            counts["passed"] += 1
            commands += len(done.results)
            if not quiet:
                _print(
                    f"ok    {path}: {plural(len(done.results), 'command')}, {done.seconds:.2f} s"
                )
        else:
            counts["failed"] += 1
            commands += len(done.results)
            _print(f"FAIL  {headline(done)}\n\n{full_report(done)}\n")
    told = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    if not quiet or counts["failed"] or counts["broken"]:
        seconds = time.monotonic() - start
        _print(f"{told}; {plural(commands, 'command')} in {seconds:.2f} s")
    return BROKEN if counts["broken"] else FAILED if counts["failed"] else PASSED


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _replays(paths: list[str], jobs: int) -> Iterator[tuple[str, Replay | str]]:
    """Each path with its replay, or with what is wrong with the file."""
    if jobs <= 1 or len(paths) <= 1:
        for path in paths:
            yield path, _replay(path)
        return
    # A thread waits for each replay, which is a process of its own.
    with ThreadPoolExecutor(jobs) as pool:
        yield from zip(paths, pool.map(_replay, paths), strict=True)


def _replay(path: str) -> Replay | str:
    try:
        transcript = read(path)
        if transcript.is_lesson or not transcript.commands:
            return f"{path}: there is no command in it: {_no_commands(path, transcript.is_lesson)}"
        return replay_transcript(transcript)
    except FormatError as error:
        return str(error)
    except OSError as error:
        return f"{path}: {error.strerror}"


def _no_commands(path: str, is_lesson: bool) -> str:
    if is_lesson:
        return "it is a lesson; nsh --check tests those"
    return "a session stands in a fence ```nsh" if path.endswith(".md") else "nsh> begins one"


def update_files(paths: list[str], *, yes: bool = False) -> int:
    """Replay the transcripts and rewrite what stopped matching, after showing it and asking.

    0 if every file is as it should be now, 1 if one could not be or the answer was no, 2 if one
    is not there or is no transcript.
    """
    from nsh.transcript.update import patch, updated, write

    status = PASSED
    for path in paths:
        done = _replay(path)
        if isinstance(done, str):
            _print(f"ERROR {done}")
            status = BROKEN
            continue
        if done.skipped:
            _print(f"skip  {path}:{done.skipped[0]}: {done.skipped[1]}")
            continue
        text = updated(done)
        if done.stopped:
            _print(f"FAIL  {path}:{done.stopped_at}: {done.stopped}")
            status = max(status, FAILED)
        if text == "".join(done.transcript.lines):
            if not done.stopped:
                _print(f"ok    {path}: nothing to update")
            continue
        _print(patch(done, text).rstrip("\n"))
        if not (yes or _agreed(path)):
            _print(f"left  {path}: {plural(len(failures(done)), 'command')} as before")
            status = max(status, FAILED)
            continue
        try:
            write(path, text)
        except OSError as error:
            _print(f"ERROR {path}: {error.strerror}")
            status = BROKEN
            continue
        _print(f"wrote {path}")
    return status


def _agreed(path: str) -> bool:
    if not os.isatty(0):
        _print("to accept this without being asked: --yes")
        return False
    try:
        sys.stdout.write(f"update {path}? [y/N] ")
        sys.stdout.flush()
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        _print("")
        raise
    if not answer.endswith("\n"):
        _print("")  # end of file: the question still stands on this line
    return answer.strip().lower() in ("y", "yes")
