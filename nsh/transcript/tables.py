"""Tables: what the programs that one looks with print, and which fields of it change with time.

A table is known by its header, such as that of ps(1), df(1), free(1), vmstat(8) or lsns(8); a line
that stands alone by its form, as those of uptime(1), stat(1), ls(1) and /proc/PID/mountinfo. Pure
functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nsh.transcript.encode import glob_escape
from nsh.transcript.glob import MONTH

Span = tuple[int, int, str]
"""From, to, and what stands there in a glob."""

_PIDS = frozenset(
    ("PID", "PPID", "TID", "LWP", "SPID", "PGID", "PGRP", "SESS", "SID", "TGID", "TPGID")
)
_INTS = frozenset(("VSZ", "RSS", "SZ", "RSZ", "VIRT", "RES", "SHR", "NPROCS"))
_CHANGING_WORDS = "%CPU %MEM C CP ADDR WCHAN START STIME STARTED ELAPSED TIME+ PSR SIZE"
_CHANGING = frozenset(_CHANGING_WORDS.split())
_TTYS = ("TTY", "TT", "TNAME")
_STANDING_WORDS = """
TIME USER UID GROUP GID EUSER RUSER EUID RUID EGID RGID TTY TT TNAME STAT S NI PRI PR F CLS POL
RTPRIO COMMAND CMD ARGS COMM NLWP TYPE NS PATH NSFS NETNSID PIDNS MNTNS NETNS UTSNS IPCNS USERNS
CGROUPNS TIMENS LABEL CGROUP
"""
_STANDING = frozenset(_STANDING_WORDS.split())
_OF_PROCESSES = _PIDS | _INTS | _CHANGING | _STANDING
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOST_COLUMNS = 40
_SMALL = 10
"""Below stand the processes of a new pid namespace, whose numbers are the same each time."""

_IN_PROC = frozenset(("1", "self", "thread-self", "uptime"))
_NSH = re.compile("nsh|python")
_WORD = re.compile(r"\S+")
_NUMBER = re.compile(r"[+-]?[0-9]+\Z")
_AMOUNT = re.compile(r"-\Z|[0-9.]+(?:%|[KMGTPE]i?B?|B)?\Z")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?\Z")

_FORMS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(expression), holes)
    for expression, holes in (
        # uptime(1), w(1), top(1)
        (
            r"(?:top -)? ?([0-9:]{5,8}) up( .*),( +[0-9]+ users?),  load average: ([0-9., ]+)",
            ("{time}", " *", " *", "*"),
        ),
        (r"(?:Tasks|Threads):( .* total, .*)|%Cpu\(s\):(.*)", (" *", "*")),
        (r"[KMGT]iB (?:Mem |Swap):( .*)", (" *",)),
        # /proc/uptime, /proc/loadavg
        (r"([0-9]+\.[0-9]{2}) ([0-9]+\.[0-9]{2})", ("{int}.{int}", "{int}.{int}")),
        (r"([0-9]+\.[0-9]{2} [0-9]+\.[0-9]{2} [0-9]+\.[0-9]{2} [0-9]+/[0-9]+ [0-9]+)", ("*",)),
        # /proc/PID/status, /proc/meminfo
        (
            r"(?:Vm(?:Peak|Size|HWM|RSS|Data|Stk|PTE)|Rss(?:Anon|File|Shmem)):\t( *[1-9][0-9]*) kB",
            ("*{int}",),
        ),
        (r"(?:non)?voluntary_ctxt_switches:\t([0-9]+)", ("{int}",)),
        (
            r"(?:MemFree|MemAvailable|Buffers|Cached|(?:Ina|A)ctive(?:\(\w+\))?|Unevictable|Dirty"
            r"|Writeback|AnonPages|Mapped|Shmem|K?S?Reclaimable|Slab|SUnreclaim|KernelStack"
            r"|PageTables|Committed_AS|VmallocUsed|Percpu):( +[0-9]+) kB",
            (" *{int}",),
        ),
        # stat(1)
        (r"(?:Access|Modify|Change| Birth): ([0-9]{4}-[0-9-]+ [0-9:.]+ [+-][0-9]{4})", ("{time}",)),
        (
            r"Device: 0(?:,|h/)([0-9]+)d?\tInode: ([0-9]+ *) Links: .*",
            ("{int}", "{int}*"),
        ),
        # ls -l
        (
            r"[-dlcbps][-rwxsStT]{9}[.+@]? +[0-9]+ +\S+ +\S+ +[0-9]+(?:, +[0-9]+)?"
            rf" ({MONTH} [ 0-9][0-9] [0-9]{{2}}:[0-9]{{2}}) .*",
            ("{time}",),
        ),
        # ip(8)
        (
            r" +valid_lft (?:([0-9]+)sec|forever) preferred_lft (?:([0-9]+)sec|forever)",
            ("{int}",) * 2,
        ),
        # /proc/PID/mountinfo
        (
            r"([0-9]+) ([0-9]+) 0:([0-9]+) /.* - \S+ \S+ \S+",
            ("{int}", "{int}", "{int}"),
        ),
        (r"([0-9]+) ([0-9]+) [1-9][0-9]*:[0-9]+ /.* - \S+ \S+ \S+", ("{int}", "{int}")),
        # ipcs(1)
        (r"(0x(?!0{8})[0-9a-f]{8}) +[0-9]+ .*", ("0x*",)),
        # date -R
        (
            rf"((?:\S+, )?[0-9]{{1,2}} {MONTH} [0-9]{{4}} [0-9:]{{8}}(?: [+-][0-9]{{4}})?)",
            ("{time}",),
        ),
    )
)
_PEERS = re.compile(r" (?:shared|master|propagate_from):([0-9]+)")
_MOUNTINFO = re.compile(r"[0-9]+ [0-9]+ [0-9]+:[0-9]+ /.* - \S+ \S+ \S+\Z")
_PIPES = re.compile(r"\b(?:pipe|socket):\[([0-9]+)\]")


class Row:
    """What is known of one printed line.

    spans    the fields that change, and their holes
    foreign  whether it is about a process of others, which may be gone the next time
    """

    def __init__(self, spans: list[Span] | None = None, foreign: bool = False) -> None:
        self.spans = spans or []
        self.foreign = foreign


class Around(NamedTuple):
    """What is known of where a command ran.

    pids      the processes that it was made of, and the children that stay
    nsh       the process of nsh itself
    terminal  as ps(1) names it: "pts/3"
    """

    pids: frozenset[int] = frozenset()
    nsh: int = 0
    terminal: str = ""


def rows(texts: Sequence[str], around: Around) -> list[Row]:
    """What is known of each printed line.

    >>> table = ["  PID     TIME CMD", "    1 00:00:07 ps"]
    >>> [row.spans for row in rows(table, Around())]
    [[], [(6, 14, '*{time}')]]
    """
    if texts and set(texts) >= _IN_PROC:
        return _of_proc(texts, around)
    found: list[Row] = []
    while len(found) < len(texts):
        at = len(found)
        found += _table(texts, at, around) or [Row(_alone(texts[at]))]
    return found


def _of_proc(texts: Sequence[str], around: Around) -> list[Row]:
    """The names in /proc: those of processes come and go, unless they are of a new pid namespace."""
    crowded = str(around.nsh) in texts and around.nsh >= _SMALL
    found = []
    for text in texts:
        is_pid = bool(_NUMBER.match(text))
        opened = is_pid and int(text) >= _SMALL
        spans = [(0, len(text), "{pid}")] if opened else []
        found.append(Row(spans, foreign=is_pid and crowded))
    return found


def _alone(text: str) -> list[Span]:
    spans: list[Span] = []
    for expression, holes in _FORMS:
        if found := expression.fullmatch(text):
            spans += [
                (*found.span(group), hole)
                for group, hole in enumerate(holes, 1)
                if hole and found[group]
            ]
            break
    if _MOUNTINFO.match(text):
        spans += [(*found.span(1), "{int}") for found in _PEERS.finditer(text)]
    spans += [(*found.span(1), "{inode}") for found in _PIPES.finditer(text)]
    return spans


def _table(texts: Sequence[str], at: int, around: Around) -> list[Row]:
    """The rows of the table whose header is that line, [] if it is none."""
    header = texts[at].split()[:_MOST_COLUMNS]
    holes: dict[int, str] = {}
    most = len(texts)
    if "PID" in header and len(header) > 1 and set(header) <= _OF_PROCESSES:
        pass
    elif header[:1] == ["Filesystem"] and "Use%" in header:
        used = header.index("Use%")
        holes = dict.fromkeys((used - 2, used - 1, used), "*")
    elif header[:3] == ["total", "used", "free"]:
        holes = dict.fromkeys(range(2, len(header) + 1), "*{int}")
    elif header[:4] == ["r", "b", "swpd", "free"]:
        holes = dict.fromkeys(range(len(header)), "*{int}")
    elif header[:3] in (["RX:", "bytes", "packets"], ["TX:", "bytes", "packets"]):
        holes = dict.fromkeys(range(len(header) - 1), "*{int}")
        most = 1
    else:
        return []
    body = []
    for text in texts[at + 1 : at + 1 + most]:
        fields = text.split()
        if not fields or not all(_AMOUNT.match(field) for field in _chosen(fields, holes)):
            break
        body.append(text)
    if holes:
        zeros = header[:2] == ["r", "b"]
        wide = holes if header[0] == "Filesystem" else {}
        return [
            Row(_named(texts[at], wide)),
            *[Row(_fields(text, holes, zeros)) for text in body],
        ]
    return _processes(header, [texts[at], *body], around)


def _chosen(fields: list[str], holes: dict[int, str]) -> list[str]:
    """The fields that are to change; of the row of a table, there is at least one."""
    found = [fields[number] for number in holes if number < len(fields)]
    return found if found or not holes else [""]


def _fields(text: str, holes: dict[int, str], zeros: bool) -> list[Span]:
    """The spans of fields, by number. Without ``zeros``, what is 0 has not been used and stays."""
    words = list(_WORD.finditer(text))
    chosen = {
        number: hole
        for number, hole in holes.items()
        if number < len(words) and (zeros or words[number][0] not in ("0", "0%", "-", "0B"))
    }
    return _padded(words, chosen)


def _named(text: str, numbers: Iterable[int]) -> list[Span]:
    """Words that stay, in columns whose width changes, by their numbers."""
    words = list(_WORD.finditer(text))
    return _padded(
        words, {at: f"*{glob_escape(words[at][0])}" for at in numbers if at < len(words)}
    )


def _padded(words: list[re.Match[str]], holes: dict[int, str]) -> list[Span]:
    """Holes for words; a * takes the blanks that pad it, but for one on each side."""
    spans: list[Span] = []
    taken = 0
    for number, hole in sorted(holes.items()):
        start, end = words[number].span()
        if hole.startswith("*"):
            start = min(start, max(words[number - 1].end() + 1, taken)) if number else 0
        if hole.endswith("*") and number + 1 < len(words):
            end = words[number + 1].start() - 1
        spans.append((start, end, hole))
        taken = end + 1
    return spans


def _processes(header: list[str], table: list[str], around: Around) -> list[Row]:
    """The rows of a table of ps(1), top(1) or lsns(8), that of its header first."""
    head, *body = table
    numbers: list[int] = []
    at = header.index("PID")
    at += 4 * ("STARTED" in header[:at] and bool(body) and _is_date(body[0].split(), header))
    for text in body:
        word = text.split()[at : at + 1]
        if not word or not _NUMBER.match(word[0]):
            break
        numbers.append(int(word[0]))
    own = [number in around.pids and number != around.nsh for number in numbers]
    others = [number >= _SMALL and not mine for number, mine in zip(numbers, own, strict=True)]
    # Where nsh itself is listed, even a small number is that of somebody else.
    # But PID 1 is that of nsh in a container, and that of the command in a new pid namespace.
    crowded = any(
        number == around.nsh and (number >= _SMALL or _NSH.search(text))
        for text, number in zip(body, numbers, strict=False)
    )
    # lsns(8) tells only of the first process of each namespace, top(1) of the busiest.
    of_namespaces = "NS" in header and any(others)
    crowded |= "TIME+" in header and any(others)
    found = [Row(_named(head, range(1, len(header))) if of_namespaces else [])]
    for text, mine, other in zip(body, own, others, strict=False):
        if (crowded and not mine) or (of_namespaces and other):
            found.append(Row(foreign=True))
            continue
        spans = _process(header, text, around.terminal, of_namespaces)
        if of_namespaces:
            wide = [
                number
                for number, word in enumerate(_WORD.finditer(text))
                if 0 < number < len(header) and not _inside(word.start(), spans)
            ]
            spans += _named(text, wide)
        found.append(Row(spans))
    return found


def _inside(place: int, spans: list[Span]) -> bool:
    return any(start <= place < end for start, end, _ in spans)


def _process(header: list[str], text: str, terminal: str, of_namespaces: bool) -> list[Span]:
    words = list(_WORD.finditer(text))
    # lstart, a date of five words, is the only field with blanks in it but for the last.
    shift = 4 if _is_date([word[0] for word in words], header) else 0
    if len(words) < len(header) + shift:
        return []
    holes: dict[int, str] = {}
    started: list[Span] = []
    for number, name in enumerate(header):
        at = number + (shift if shift and number > header.index("STARTED") else 0)
        word = words[at][0]
        if name in _PIDS:
            if _NUMBER.match(word) and int(word) >= _SMALL:
                holes[at] = "*{pid}"
        elif name == "NPROCS" and not of_namespaces:
            pass  # all are known
        elif name in _INTS:
            holes[at] = "*{int}" if _NUMBER.match(word) else "*"
        elif name == "TIME":
            holes[at] = "*{time}" if _CLOCK.match(word) else "*"
        elif name == "STARTED" and shift:
            start = words[at - 1].end() + 1 if at else 0
            started.append((start, words[at + 4].end(), "*{time}"))
        elif name in _TTYS and word == "?":
            holes[at] = "?"  # a ? that is quoted reads worse
        elif (name in _CHANGING and word not in ("-", "?")) or (name in _TTYS and word == terminal):
            holes[at] = "*"
        elif name == "STAT" and word.endswith("+"):
            holes[at] = f"{word[:-1]}*"  # in the foreground of a terminal, which a replay has not
    return [*_padded(words, holes), *started]


def _is_date(words: list[str], header: list[str]) -> bool:
    """Whether the field STARTED of a row is a date of several words."""
    if "STARTED" not in header:
        return False
    return words[header.index("STARTED") :][:1] in [[day] for day in _DAYS]
