"""Settle: replays a recording once, and leaves open what changed by then.

Only what recorder and replay both printed is known to change; volatile.py and tables.py know the
rest beforehand. A line that could not be merged stays as it was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nsh.transcript.align import Step, alignment, matches
from nsh.transcript.glob import Facts
from nsh.transcript.match import Bindings, Line, Matcher
from nsh.transcript.merge import merged
from nsh.transcript.parse import Command, Transcript, parse_transcript, read
from nsh.transcript.replay import Replay, replay_transcript
from nsh.transcript.update import spliced, write
from nsh.value import Value

LIMIT = 10.0
"""Seconds that the replay may take."""


class Settled(Value):
    """What came of it.

    commands  how many the file has
    opened    how many were generalised
    left      those that printed something else, and could not be
    stopped   why the replay did not come to its end, "" if it did
    """

    commands: int
    opened: int = 0
    left: tuple[str, ...] = ()
    stopped: str = ""


def settle(
    path: str, printed: Sequence[Sequence[Line]], facts: Facts, environ: Mapping[str, str]
) -> Settled:
    """Replay the recording in that file and generalise it.

    ``printed`` is what each command printed at the recording, ``facts`` those of that time.
    ``environ`` is the environment of nsh. Raises OSError if the file cannot be read or written, and
    FormatError if it is no transcript any more; then nothing has changed.
    """
    transcript = read(path)
    transcript.timeout = LIMIT
    if len(transcript.commands) != len(printed):
        return Settled(len(printed), stopped="it was changed meanwhile")
    done = replay_transcript(transcript, environ)
    total = len(transcript.commands)
    if done.skipped:
        return Settled(total, stopped=done.skipped[1])
    wrong = {number: result for number, result in enumerate(done.results) if result.differs}
    at_recording = _aligned(transcript.commands, printed, facts)
    chosen: dict[int, list[str]] = {}
    for number, result in wrong.items():
        old = {
            step.at: printed[number][step.line].text
            for step in at_recording[number]
            if step.what == "match"
        }
        raws = None
        if result.status == result.command.status:
            raws = merged(
                result.command.expects, result.steps, old, result.lines, done.matcher.facts
            )
        if raws is not None:
            chosen[number] = raws
    while chosen and (bad := _unfit(done, chosen, printed, facts)):
        for number in bad:
            del chosen[number]
    if chosen:
        write(path, _text(transcript, chosen))
    left = tuple(result.command.text for number, result in wrong.items() if number not in chosen)
    return Settled(total, len(chosen), left, done.stopped)


def _text(transcript: Transcript, chosen: Mapping[int, list[str]]) -> str:
    """The text of the file with these expected lines for these commands, by their numbers."""
    changes = []
    for number, raws in sorted(chosen.items()):
        command = transcript.commands[number]
        end = command.first + len(command.expects)
        changes.append((command.first, end, [f"{raw}\n" for raw in raws]))
    return spliced(transcript.lines, changes)


def _aligned(
    commands: Sequence[Command], printed: Sequence[Sequence[Line]], facts: Facts
) -> list[list[Step]]:
    """The expected lines of each command beside those that it printed."""
    matcher, bindings = Matcher(facts), Bindings()
    found = []
    for command, lines in zip(commands, printed, strict=False):
        steps, bindings = alignment(command.expects, lines, matcher, bindings)
        found.append(steps)
    return found


def _unfit(
    done: Replay,
    chosen: Mapping[int, list[str]],
    printed: Sequence[Sequence[Line]],
    facts: Facts,
) -> set[int]:
    """The commands whose new expected lines do not match what they printed, then and now."""
    new = parse_transcript(_text(done.transcript, chosen), done.transcript.path).commands
    now = _aligned(new, [result.lines for result in done.results], done.matcher.facts)
    then = _aligned(new, printed, facts)
    return {number for number in chosen if not (matches(now[number]) and matches(then[number]))}
