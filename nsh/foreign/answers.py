"""The answer to a line that is no command of nsh: who is asked, in which order."""

from __future__ import annotations

from nsh.errors import closest
from nsh.foreign import containers, shells, util_linux
from nsh.foreign.c import of_c
from nsh.foreign.facts import Answer, Typed, answer
from nsh.foreign.reaching import reaching
from nsh.linux.namespaces import BY_NAME, find
from nsh.parts.namespaces.commands import cut_at_commas
from nsh.words import BLANKS, command_word, join, shorten, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ARTICLE = ("skeleton", *BY_NAME)
"""The programs of the article, each of which makes the namespace that it is called by."""

_KEYWORDS = frozenset(
    [
        "for",
        "if",
        "while",
        "until",
        "case",
        "function",
        "{",
        "[[",
        "((",
        "alias",
        "type",
        "command",
        "eval",
        "trap",
        "read",
    ]
)

_ENDS = frozenset(["}", "do", "done", "then", "else", "elif", "fi", "esac", "in"])


def answer_to(typed: Typed, topic: Callable[[str], str]) -> Answer:
    """What is said of the line, and what to type. ``topic`` gives the name of a topic of explain."""
    found = _known(typed) or _guessed(typed, topic)
    return found.replace(fixes=tuple(_harmless(found.fixes, typed)))


def _harmless(fixes: Iterable[str], typed: Typed) -> list[str]:
    """The lines, those that would run what changes the machine after what keeps it from that.

    Where nothing does, what is to be known stands in the place of the line.
    """
    found: list[str] = []
    for line in fixes:
        words = split(line) if line.startswith("run ") else []
        reached = reaching(words[1], words[2:], typed.again(words[1:])) if words[1:] else None
        if reached is None:
            found.append(line)
            continue
        asked = " ".join(found).split()
        for each in reached.fixes:
            command, *flags = each.split()
            lacks = [flag for flag in flags if flag not in asked]
            if command == "flags" and lacks:
                found.append(join([command, *lacks]))
            elif command != "flags" and each not in found:
                found.append(each)
    return found


def _known(typed: Typed) -> Answer | None:
    """The answer for a word that is known; None for others."""
    name, _ = command_word(typed.line)
    rest = typed.words[1:]
    if name in ("sudo", "doas", "su"):
        return shells.sudo(name, [] if name == "su" else rest, typed, _known)
    if found := _WORDS.get(name.rpartition("/")[2] if name.startswith("/") else name):
        return found(name, rest, typed)
    if name == "ip" and "netns" in rest[:1]:
        return util_linux.netns(name, rest[1:], typed)
    if name in ("logs", "attach", "rm", "inspect") and any(word in typed.children for word in rest):
        return shells.of_child(name, rest, typed)
    if name == "strace" and not typed.is_program(name):
        return shells.strace(name, rest, typed)
    if name.startswith("./") and name[2:] in ARTICLE and not typed.is_program(name):
        return _of_the_article(name[2:], rest, typed)
    if not typed.is_program(name) and (in_c := of_c(typed)):
        return in_c
    if (reaches := reaching(name, rest, typed)) is not None:
        return reaches
    if typed.is_program(name):
        return answer(name, "", typed.as_typed())
    return None


def _guessed(typed: Typed, topic: Callable[[str], str]) -> Answer:
    """The answer for a word that is no program either."""
    name, rest = command_word(typed.line)
    about = topic(typed.line.strip(BLANKS)) or topic(name)
    if about and name.lower() not in typed.commands:
        return answer(name, "it is a topic of explain", join(["explain", about]))
    if close := closest(name, typed.commands):
        return answer(name, f"did you mean {close}?", f"{close} {rest}".rstrip())
    signed = cut_at_commas([name])
    if name[:1] in ("+", "-") and signed and all(find(word[1:]) for word in signed):
        return answer(name, "", f"{join(['flags', *signed])} {rest}".rstrip())
    if "=" in name[1:]:
        return _with_variables(name, typed)
    begun = command_word(typed.whole or typed.line)[0] in _KEYWORDS
    if name in _ENDS and not begun:
        return answer(name, "it is a word of shells, which ends what began on its line", "help sh")
    if name in _KEYWORDS or name in _ENDS:
        return answer(name, "it is a word of shells", f"sh {typed.whole or typed.line}")
    return Answer(f"there is no command {shorten(name)}", ("help",))


def _with_variables(name: str, typed: Typed) -> Answer:
    """The answer for ``A=b`` and ``A=b CMD``: env says it for all runs from now on."""
    words = typed.words
    count = 1
    while count < len(words) and "=" in words[count][1:]:
        count += 1
    lines = [join(["env", *words[:count]])]
    if then := words[count:]:
        lines.append(join(then) if then[0] in typed.commands else typed.run(then))
    return answer(name, "", *lines)


def _of_the_article(name: str, rest: list[str], typed: Typed) -> Answer:
    kinds = [] if name == "skeleton" else [name]
    extra: list[str] = []
    if name == "mnt":
        extra = typed.queue("mount tmpfs /mytmp")
    elif name == "uts":
        extra = ["hostname myhostname"]
    elif name == "pid":
        kinds, extra = ["pid", "mnt"], typed.queue("mount proc /proc")
    lines = [*typed.new(*kinds), *extra, typed.run(rest)]
    return Answer(f"./{name} is not there: what it does is lines here", tuple(lines))


_WORDS: dict[str, Callable[[str, list[str], Typed], Answer]] = {
    "unshare": util_linux.unshare,
    "nsenter": util_linux.nsenter,
    "newuidmap": util_linux.id_map,
    "newgidmap": util_linux.id_map,
    "docker": containers.docker,
    "podman": containers.docker,
    "nerdctl": containers.docker,
    "chroot": containers.other_root,
    "pivot_root": containers.pivots,
    "export": shells.export,
    "setenv": shells.export,
    "declare": shells.export,
    "unset": shells.unset,
    "jobs": shells.jobs,
    "fg": shells.jobs,
    "bg": shells.jobs,
    "disown": shells.jobs,
    "exec": shells.execs,
    "logout": shells.leave,
    "bye": shells.leave,
    "q": shells.leave,
    "clear": shells.clear,
    "cls": shells.clear,
    "ulimit": shells.ulimit,
    "setns": shells.setns,
    "clone": shells.clone,
}
