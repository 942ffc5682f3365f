"""Volatile: what is known to change from run to run, and the globs that leave it open.

Only what is known is left open: inodes of namespaces, the processes that nsh made, its directory,
the names of host and user, nsh's descriptors in a trace, the time at which the command ran, and
what changes in the tables that tables.py knows. Everything else stays literal.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence

from nsh.linux.namespaces import NAMESPACES
from nsh.transcript.encode import ANY, Globs, glob_escape
from nsh.transcript.match import BLANKS, Line
from nsh.transcript.replay import Replay
from nsh.transcript.tables import Around, Span, rows

_LINK = re.compile(r"\b([a-z]+):\[([0-9]+)\]")
_BARE = re.compile(r"(?<![0-9A-Za-z_.])(40265[0-9]{5})(?![0-9A-Za-z_])")
"""The kernel numbers namespaces from 0xEFFFFFFA on; see PROC_DYNAMIC_FIRST in its sources."""

_MKTEMP = re.compile(r"/(?:var/)?tmp/tmp\.[A-Za-z0-9]{6,}")
_FORMATS = (
    "%a %b %e %H:%M:%S UTC %Y",
    "%a %b %e %H:%M:%S %Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%b %e %H:%M:%S",
    "%b %e %H:%M",
    "%H:%M:%S",
    "%H:%M",
    "%Y-%m-%d",
)
_TRACE = re.compile(
    r"(?:(?:nsh: )?\[[A-Za-z0-9 ]+\]|-> [0-9/]+ [A-Za-z0-9 ]+:) (?=pipe2|poll|read|write|openat|pidfd_open|setns|fchdir)"
)
_DESCRIPTORS = re.compile(
    r"(?:pipe2\(\[|\bfd=|read\(|write\(|setns\(|fchdir\()([0-9]+)(?:, ([0-9]+)\])?"
    r"|(?:openat|pidfd_open)\(.*\) = ([0-9]+)\Z"
)
_BEFORE = r"(?:(?<![\w.-])|(?<=\A-))"
"""What may stand before a word: also the - of a line of a diff."""

_FOREGROUND = re.compile(r"[A-Z][A-Za-z<]*(\+ *)(?= |\Z)")
"""The + of a process state, see ps(1), with the blanks that pad it."""

_PADDING = re.compile(" {2,}")
_AGE = re.compile(r"(?<=  )([0-9]+) (?:s|min|h|d)( {2,})")
"""How long a child has lived, with the blanks that pad it, in a line of `children`."""

_LONGEST = 600
_TAIL = r"(?:[.,][0-9]+)?(?: ?(?:Z|UTC|\+00:?00))?"


class Volatile:
    """What is known, and the names that inodes have got so far."""

    def __init__(
        self,
        *,
        host: str = "",
        user: str = "",
        places: Iterable[str] = (),
        terminal: str = "",
        inodes: bool = True,
    ) -> None:
        self.host = host
        self.terminal = terminal.removeprefix("/dev/")
        # uid 0 is called root everywhere, in a user namespace too.
        self.user = "" if user == "root" else user
        self.places = sorted((place for place in places if place.count("/") > 1), key=len)
        self.own: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.taken: set[str] = set()
        self.pids: tuple[int, ...] = ()
        self.nsh = 0
        self.since = time.time()
        self.until: float | None = None
        self.ephemeral = False
        self.held: frozenset[str] = frozenset()
        for namespace in NAMESPACES if inodes else ():
            try:
                link = os.readlink(f"/proc/self/ns/{namespace.proc}")
            except OSError:
                continue
            self.own.setdefault(link.partition("[")[2].rstrip("]"), namespace.name)

    @classmethod
    def of_replay(cls, done: Replay) -> Volatile:
        """What is known of a replay; inodes that the author named keep those names."""
        facts = done.matcher.facts
        volatile = cls(host=facts.host, user=facts.user, places=facts.tmp)
        volatile.since -= done.seconds + 1
        for result in done.results:
            volatile.taken.update(result.after)
        if done.results:
            own = volatile.own
            bound = done.results[-1].after
            volatile.names = {text: name for name, text in bound.items() if text in own}
        return volatile

    def command(
        self,
        pids: Iterable[int],
        *,
        ephemeral: bool,
        since: float = 0,
        until: float = 0,
        held: Iterable[str] = (),
    ) -> None:
        """Begin another command: nsh and the processes it made, and when it ran.

        ``ephemeral``: its namespaces end with it. The kernel gives their numbers to others then,
        so an equal number later is no equal namespace. But for those that are ``held`` by a child
        that stays: the texts of their links.
        """
        held = frozenset([link.partition("[")[2].rstrip("]") for link in held])
        pids = tuple(pids)
        self.nsh = pids[0] if pids else 0
        self.pids = tuple(pid for pid in pids if pid > 9)
        if since:
            self.since, self.until = since, until
        self.names = {
            inode: name
            for inode, name in self.names.items()
            if inode in self.own or not self.ephemeral or inode in self.held & held
        }
        self.ephemeral = ephemeral
        self.held = held

    def globs(self, lines: Sequence[Line]) -> Globs:
        """What makes the globs of these lines, all that the command printed, by their numbers."""
        texts = [line.text.rstrip(BLANKS) for line in lines]
        known = rows(texts, Around(frozenset(self.pids), self.nsh, self.terminal))

        def glob(at: int) -> str | None:
            return ANY if known[at].foreign else self.generalise(texts[at], known[at].spans)

        return glob

    def generalise(self, text: str, known: Iterable[Span] = ()) -> str | None:
        """The line as a glob with holes, None if nothing volatile is in it.

        ``known`` are the places of it that its table leaves open.
        """
        spans: list[Span] = []
        found: list[Span] = [
            *known,
            *self._times(text),
            *self._in_terminal(text),
            *self._words(text, self.places[::-1], "{tmp}", r"(?![\w.-])"),
            *[(match.start(), match.end(), "{tmp}") for match in _MKTEMP.finditer(text)],
            *self._inodes(text),
            *self._descriptors(text),
            *self._pids(text),
            *self._words(text, [self.host], "{host}", r"(?![\w-])"),
            *self._words(text, [self.user], "{user}", r"(?![\w-])"),
        ]
        for span in found:
            if all(span[1] <= other[0] or span[0] >= other[1] for other in spans):
                spans.append(span)
        if not spans:
            return None
        out = []
        at = 0
        for start, end, hole in sorted(spans):
            out += [glob_escape(text[at:start]), self._named(text[start:end], hole)]
            at = end
        return "".join(out) + glob_escape(text[at:])

    def _words(self, text: str, words: Iterable[str], hole: str, after: str) -> Iterable[Span]:
        for word in words:
            if word and word in text:
                for match in re.finditer(rf"{_BEFORE}{re.escape(word)}{after}", text):
                    yield match.start(), match.end(), hole

    def _pids(self, text: str) -> Iterable[Span]:
        """The processes, with the blanks that pad them to a column, and the ages in such a line."""
        found = list(self._words(text, [str(pid) for pid in self.pids], "{pid}", r"(?![\w])"))
        yield from found
        padded = [match for _, end, _ in found if (match := _PADDING.match(text, end))]
        for match in padded:
            yield match.start(), match.end(), " *"
        for match in _AGE.finditer(text) if padded else ():
            yield match.start(1), match.end(1), "{int}"
            yield match.start(2), match.end(2), " *"

    def _in_terminal(self, text: str) -> Iterable[Span]:
        """The terminal in a line of ps, and that the process is in its foreground: a replay has none."""
        if self.terminal and self.terminal in text:
            for match in re.finditer(rf"(?<!\S){re.escape(self.terminal)}( *)(?= |\Z)", text):
                yield match.start(), match.end(), "*"
                if state := _FOREGROUND.match(text, match.end() + 1):
                    yield state.start(1), state.end(1), "*"

    def _inodes(self, text: str) -> Iterable[Span]:
        kinds = {namespace.proc for namespace in NAMESPACES}
        for match in _LINK.finditer(text):
            if match[1] in kinds:
                yield match.start(2), match.end(2), f"inode {match[1]}"
        for match in _BARE.finditer(text):
            yield match.start(1), match.end(1), "inode ns"

    def _descriptors(self, text: str) -> Iterable[Span]:
        """The numbers of nsh's own pipes and files in a line of a trace, or of a stepped run."""
        if _TRACE.match(text):
            for match in _DESCRIPTORS.finditer(text):
                for group in (1, 2, 3):
                    if match[group]:
                        yield match.start(group), match.end(group), "{int}"

    def _named(self, text: str, hole: str) -> str:
        """The hole itself; for an inode with its name: ``{inode:uts}``, ``{inode:uts2!=uts}``."""
        if not hole.startswith("inode "):
            return hole
        if text in self.names:
            return f"{{inode:{self.names[text]}}}"
        kind = self.own.get(text) or hole.removeprefix("inode ")
        name, number = kind if text in self.own else f"{kind}1", 1
        while name in self.taken:
            number += 1
            name = f"{kind}{number}"
        self.taken.add(name)
        self.names[text] = name
        # The host's namespace lives on, so its number is nobody else's.
        host = next(
            (known for inode, known in self.names.items() if self.own.get(inode) == kind), ""
        )
        differs = f"!={host}" if host and text not in self.own else ""
        return f"{{inode:{name}{differs}}}"

    def _times(self, text: str) -> Iterable[Span]:
        if not re.search(r"[0-9][:-][0-9]|[0-9]{10}", text):
            return
        until = self.until or time.time()
        first, last = int(self.since) - 1, int(until) + 1
        if last - first > _LONGEST:
            first = last - _LONGEST
        moments = [time.gmtime(second) for second in range(first, last + 1)]
        for form in _FORMATS:
            for word in {time.strftime(form, moment) for moment in moments}:
                if word in text:
                    for match in re.finditer(rf"(?<![\w:]){word}{_TAIL}(?![\w:])", text):
                        yield match.start(), match.end(), "{time}"
        for match in re.finditer(r"(?<![\w.])([0-9]{10})(?:\.[0-9]+)?(?![\w])", text):
            if first <= int(match[1]) <= last:
                yield match.start(), match.end(), "{time}"
