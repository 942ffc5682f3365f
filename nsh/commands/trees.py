"""The command tree: the namespaces of this shell and its children, who owns them, who is in them."""

from __future__ import annotations

import os
import sys

from nsh.commands.running import RunCommands
from nsh.errors import Failure, Usage
from nsh.words import join, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nsh.linux.processes import Process
    from nsh.offers import Item
    from nsh.show.trees import Label

_PLAIN = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-", "×": "x", "…": "~"})  # noqa: RUF001
"""What stands for the signs of a tree where the locale does not have them."""
_LONGEST_COMMAND = 24


class TreeCommands(RunCommands):
    """tree."""

    group = "Looking"

    def do_tree(self, line: str) -> None:
        """tree [--all] [-o FILE.svg]

        The namespaces of this shell and of its children, as a tree: below each user
        namespace stands what it owns, below a pid namespace the pid namespaces in it,
        and beside each who is in it. `here` marks this shell's own.

        Who owns a namespace decides whose capabilities count for it. All children of
        `start` are shown, with what they have started and who has entered them; --all
        takes every process that can be seen in /proc. In "and 5 more", processes are
        counted. With -o the tree is drawn: a picture that a browser shows.

            tree
            tree --all
            tree -o /tmp/tree.svg

        See ioctl_nsfs(2), namespaces(7), lsns(8); `ns`.
        """
        everybody, path = self._options(line)
        self.needs_linux()
        self.needs_proc()
        from nsh.linux.nsfs import survey
        from nsh.linux.processes import shown

        table = shown()
        me = os.getpid()
        members = self._members(table)
        pids = [me, *members]
        if everybody:
            others = [pid for pid in table if pid != me and pid not in members]
            pids += sorted(others, key=lambda pid: table[pid].kernel)
        labels = {pid: _label(pid, me, table, members) for pid in pids}
        found = survey(pids)
        if path:
            from nsh.show.picture import picture

            self._write(path, picture(found, labels, me))
            return
        from nsh.commands.listing import terminal_width
        from nsh.show.trees import look, tree_lines
        from nsh.voice.text import joined

        # A replay has no terminal, so a recording is as wide as that.
        narrow = self.interactive and self.recording is None and terminal_width()
        lines = tree_lines(found, labels, me, min(narrow or 80, 80))
        self.page(joined([look(_encodable(line)) for line in lines]))

    def complete_tree(self, before: list[str], word: str) -> Iterable[Item]:
        """The options; after -o the pictures and directories on the host."""
        if before[-1:] == ["-o"]:
            from nsh.offers import transcripts

            yield from transcripts(self.host.cwd, word, (".svg",))
            return
        if "--all" not in before:
            yield "--all", "every process that can be seen"
        if "-o" not in before:
            yield "-o", "draw it into a file"

    def _options(self, line: str) -> tuple[bool, str]:
        """Whether --all is given, and the file of -o, "" if there is none. Raises Usage."""
        words = self.words(line)
        everybody, path = False, ""
        while words:
            match words:
                case ["--all", *words]:
                    everybody = True
                case ["-o"]:
                    raise Usage("-o is followed by the file to draw into", "tree -o tree.svg")
                case ["-o", _, *_] if path:
                    raise Usage("-o is given twice: one picture at a time", f"tree -o {path}")
                case ["-o", path, *words]:
                    if not path.lower().endswith(".svg"):
                        fix = join(["tree", "-o", (os.path.splitext(path)[0] or "tree") + ".svg"])
                        raise Usage(f"{path!r} is not called NAME.svg: the picture is an SVG", fix)
                case [word, *_] if word.lower().endswith(".svg"):
                    raise Usage("the file of a picture comes after -o", join(["tree", "-o", word]))
                case [word, *_]:
                    raise Usage(f"{word!r} is neither --all nor -o FILE.svg")
        return everybody, path

    def _write(self, path: str, text: str) -> None:
        from tempfile import gettempdir

        from nsh.files import write_whole

        self.flush()
        try:
            write_whole(path, text)
        except OSError as error:
            directory, name = os.path.split(path)
            if isinstance(error, FileNotFoundError) and not os.path.isdir(directory or "."):
                fix = "!" + join(["mkdir", "-p", directory])
            elif isinstance(error, IsADirectoryError):
                fix = join(["tree", "-o", os.path.join(path, "tree.svg")])
            else:
                fix = join(["tree", "-o", os.path.join(gettempdir(), name)])
            raise Failure(f"cannot write {path}: {error.strerror}", fix) from None

    def _members(self, table: Mapping[int, Process]) -> dict[int, str]:
        """The processes of the children that stay, with the child's name, in the children's order.

        Those are a child's main process, what descends from it, and what has entered its pid
        namespace, or is in one below that.
        """
        from nsh.linux.nsfs import survey

        named = dict(self.host.living)
        if self.host.stepped:
            named["step"] = self.host.stepped
        mains = {pid: name for name, pid in named.items() if pid in table}
        if not mains:
            return {}
        found: dict[int, str] = {}
        for pid in table:
            above = pid
            while above in table and above not in mains:
                above = table[above].parent
            if above in mains:
                found[pid] = mains[above]
        me = os.getpid()
        spaces = survey(table, ("pid",)).namespaces
        parents = {ns.inode: ns.parent for ns in spaces if ns.kind == "pid"}
        place = {pid: ns.inode for ns in spaces if ns.kind == "pid" for pid in ns.pids}
        owner = {place[me]: ""}
        for pid, name in mains.items():
            if pid in place:
                owner.setdefault(place[pid], name)
        for pid, inode in place.items():
            around: int | None = inode
            while around is not None and around not in owner:
                around = parents[around]
            if around is not None and owner[around] and pid != me:
                found.setdefault(pid, owner[around])
        order = list(named)
        mine = sorted(found, key=lambda pid: (order.index(found[pid]), pid not in mains, pid))
        return {pid: found[pid] for pid in mine}


def _label(pid: int, me: int, table: Mapping[int, Process], members: Mapping[int, str]) -> Label:
    """Who a process is."""
    from nsh.show.trees import Label, shorten

    if pid == me:
        return Label("nsh")
    process = table[pid]
    if pid not in members:
        return Label("", visible(process.name))
    if not process.executed:  # nsh's own, which has the command line of nsh
        has_children = any(each.parent == pid for each in table.values())
        return Label(members[pid], "init" if has_children else "pause")
    return Label(members[pid], shorten(_command(pid) or visible(process.name), _LONGEST_COMMAND))


def _command(pid: int) -> str:
    """The command line of a process, its program without the directories; "" if it has ended."""
    from nsh.linux.procfs import read_text

    program, *words = (read_text(f"/proc/{pid}/cmdline") or "").rstrip("\0").split("\0")
    return visible(" ".join([os.path.basename(program), *words]).replace("\t", " ").strip())


def _encodable(text: str) -> str:
    """The text as the locale can print it."""
    encoding = sys.getfilesystemencoding()
    try:
        text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        text = text.translate(_PLAIN)
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text
