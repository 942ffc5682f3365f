"""Namespaces as a tree: user namespaces in each other, and in each what it owns. Pure.

A namespace of another kind stands below the user namespace that owns it, and a pid namespace below
the one around it, if both have the same owner.
"""

from __future__ import annotations

from nsh.linux.namespaces import BY_NAME
from nsh.value import Value
from nsh.words import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nsh.linux.nsfs import Ns, Survey
    from nsh.voice.text import Fragment

MOST_COMMANDS = 3
"""How many commands are named of a child, and of the processes that belong to none."""
_WIDEST_NAME = 46
"""Where the column of those who are in a namespace begins at the latest."""
_NARROWEST = 16
"""The least width of that column."""
_ORDER = list(BY_NAME)


class Label(Value):
    """Who a process is: the child that it belongs to, "" for none, and its command.

    This shell stands as a child without a command.
    """

    child: str
    command: str = ""


class Branch(Value):
    """A namespace with what stands below it.

    ns     the namespace; None for the unseen owner of those that have one outside of view
    owned  the namespaces that a user namespace owns, or the pid namespaces in a pid namespace
    users  the user namespaces in a user namespace
    """

    ns: Ns | None
    owned: tuple[Branch, ...] = ()
    users: tuple[Branch, ...] = ()


class Forest(Value):
    """A survey in the order in which it is shown.

    roots   the outermost user namespaces
    shared  the namespaces, but user namespaces, in which all processes are with this shell; none
            if there is no other process
    here    the inodes of this shell's own
    apart   the inodes of pid namespaces that do not stand below their parent, which has another owner
    """

    roots: tuple[Branch, ...]
    shared: tuple[Ns, ...]
    here: frozenset[int]
    apart: frozenset[int]


def forest(survey: Survey, shell: int) -> Forest:
    """The trees of a survey; ``shell`` is this shell's process id."""
    known = {ns.inode: ns for ns in survey.namespaces}
    pids = {pid for ns in known.values() for pid in ns.pids}
    here = frozenset([ns.inode for ns in known.values() if shell in ns.pids])
    shared = [
        ns
        for ns in _ordered(known.values())
        if ns.kind != "user" and len(ns.pids) == len(pids) > 1 and ns.inode in here
    ]
    below: dict[int | None, list[Ns]] = {}
    apart = set()
    for ns in _ordered(known.values()):
        around = known[ns.parent] if ns.parent is not None else None
        is_below = around is not None and around.owner == ns.owner
        if ns.kind == "pid" and around and not is_below:
            apart.add(ns.inode)
        above = ns.parent if is_below else ns.owner
        below.setdefault(above, []).append(ns)

    def branch(ns: Ns) -> Branch:
        branches = [branch(each) for each in below.get(ns.inode, [])]
        return Branch(
            ns,
            tuple([each for each in branches if each.ns and each.ns.kind != "user"]),
            tuple([each for each in branches if each.ns and each.ns.kind == "user"]),
        )

    outermost = [branch(ns) for ns in below.get(None, [])]
    roots = [each for each in outermost if each.ns and each.ns.kind == "user"]
    others = [each for each in outermost if each.ns and each.ns.kind != "user"]
    if others:
        roots.append(Branch(None, tuple(others)))
    return Forest(tuple(roots), tuple(shared), here, frozenset(apart))


def _ordered(namespaces: Iterable[Ns]) -> list[Ns]:
    """By kind; those of a kind as they were met, so this shell's own is the first."""
    return sorted(namespaces, key=lambda ns: _ORDER.index(ns.kind))


def people(pids: Iterable[int], labels: Mapping[int, Label], most: int) -> str:
    """Who these processes are, in at most that many characters.

    N in "and N more" counts processes. In brackets stands the id of one that is alone.

    >>> labels = {1: Label("nsh"), 2: Label("web", "sleep 9"), 3: Label("web", "sh"), 7: Label("", "ps")}
    >>> people([1, 2, 3, 7], labels, 40), people([1, 2, 3, 7], labels, 20)
    ('nsh, web (sleep 9, sh), ps [7]', 'nsh, web, ps')
    """
    items: dict[Label, list[int]] = {}  # a child, or a command of those that belong to none
    for pid in pids:
        label = labels[pid]
        items.setdefault(Label(label.child) if label.child else label, []).append(pid)
    named: list[tuple[str, str, int]] = []  # the long form, the short one, how many processes
    others = rest = 0
    for label, found in items.items():
        if label.child:
            commands = _commands([labels[pid].command for pid in found])
            long = f"{label.child} ({commands})" if commands else label.child
            named.append((long, label.child, len(found)))
        elif others < MOST_COMMANDS:
            others += 1
            short = _times(label.command, len(found))
            named.append((f"{short} [{found[0]}]" if len(found) == 1 else short, short, len(found)))
        else:
            rest += len(found)
    if not named:
        return "nobody seen"
    text = _cut([item[0] for item in named], rest)
    for kept in range(len(named), 0, -1):
        if len(text) <= most:
            break
        left = rest + sum([item[2] for item in named[kept:]])
        text = _cut([item[1] for item in named[:kept]], left)
    return shorten(text, most)


def _commands(commands: list[str]) -> str:
    counts = {command: commands.count(command) for command in commands}
    named = list(counts.items())[:MOST_COMMANDS]
    rest = len(commands) - sum([count for _, count in named])
    return _cut([_times(*item) for item in named], rest)


def _times(command: str, count: int) -> str:
    return command if count == 1 else f"{command} ×{count}"  # noqa: RUF001


def _cut(names: list[str], rest: int) -> str:
    return ", ".join(names) + (f" and {rest} more" if rest else "")


def shorten(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis, in at most that many characters."""
    return text if len(text) <= most else text[: max(most - 1, 1)] + "…"


def tree_lines(
    survey: Survey, labels: Mapping[int, Label], shell: int, width: int = 80
) -> list[str]:
    """The tree as text, in lines of at most that width where that can be.

    ``labels`` says who each process of the survey is; ``shell`` is this shell's process id.
    """
    found = forest(survey, shell)
    rows: list[tuple[str, Ns | None]] = []
    for root in found.roots:
        rows += _rows(root, found, width, "", "")
    names = [len(left) for left, ns in rows if ns]
    column = min(max(names, default=0) + 2, _WIDEST_NAME)
    lines = []
    for left, ns in rows:
        if ns is None:
            lines.append(left)
            continue
        start = left.ljust(column) if len(left) < column else left + "  "
        note = _note(ns, found)
        most = max(width - len(start) - len(note), _NARROWEST)
        lines.append(visible(start + people(ns.pids, labels, most) + note))
    if survey.unseen:
        lines.append(unseen(survey))
    return lines


def look(line: str) -> list[Fragment]:
    """A line of the tree with its looks: this shell's own namespaces and the others set apart.

    >>> look("├─ uts:[4026533] web (sh)")
    [('why', '├─ '), ('new', 'uts:[4026533]'), ('', ' web (sh)')]
    """
    import re

    found = re.fullmatch(r"(\W*)(\w+:\[\d+\])( here)?(.*)", line)
    if found is None:
        return [("why", line)]
    name = ("title" if found[3] else "new", found[2])
    pieces = [("why", found[1]), name, ("why", found[3] or ""), ("", found[4])]
    return [piece for piece in pieces if piece[1]]


def unseen(survey: Survey) -> str:
    """How many processes are not shown, in a sentence."""
    many = "process" if survey.unseen == 1 else "processes"
    return f"not shown: {survey.unseen} {many} that nsh may not look at"


def _note(ns: Ns, found: Forest) -> str:
    if ns.uid is not None:
        return f"; owner uid {ns.uid}"
    return f"; parent pid:[{ns.parent}]" if ns.inode in found.apart else ""


def _rows(
    branch: Branch, found: Forest, width: int, before: str, rest: str
) -> Iterator[tuple[str, Ns | None]]:
    """The beginnings of the lines of a branch, with the namespace that stands in each.

    ``before`` stands before its first line and ``rest`` before the others. A line that is whole has
    no namespace.
    """
    if branch.ns:
        here = " here" if branch.ns.inode in found.here else ""
        yield before + branch.ns.link + here, branch.ns
    else:
        yield before + "owned by a user namespace that is out of view from here", None
    shared = [each.ns for each in branch.owned if each.ns in found.shared and not each.owned]
    below = [each for each in (*branch.owned, *branch.users) if each.ns not in shared]
    if shared:
        end = not below
        links = [ns.link for ns in shared if ns]
        for at, text in enumerate(_filled("here, shared by all: ", links, width - len(rest) - 3)):
            yield rest + _joint(end, at == 0) + text, None
    for each in below:
        end = each is below[-1]
        yield from _rows(each, found, width, rest + _joint(end, True), rest + _joint(end, False))


def _joint(end: bool, first: bool) -> str:
    """What leads to a line: the last of its branch or not, the first of its item or a later one."""
    if first:
        return "└─ " if end else "├─ "
    return "   " if end else "│  "


def _filled(start: str, words: list[str], width: int) -> Iterator[str]:
    """The words in lines of that width, the first one after the start, the others below it."""
    line = start.rstrip()
    margin = " " * (len(start) - 1)
    for word in words:
        if len(line) + 1 + len(word) > width and line.strip() and line != start.rstrip():
            yield line
            line = margin
        line += " " + word
    yield line
