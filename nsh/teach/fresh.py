"""Fresh: the hints that each run is a child of its own, and what it changed has ended with it. Pure.

An effect is what the words of a run changed in something that ends with the run: in a new namespace,
or in its directory or environment. The hint comes when a later run looks at the same thing.
"""

from __future__ import annotations

import re

from nsh.state import Mount, State
from nsh.teach import looks
from nsh.teach.hints import Hint
from nsh.value import Value
from nsh.words import join, quote, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

TOPIC = "explain fresh child"

_NAMESPACES = {"name": "uts", "mounts": "mnt", "network": "net", "queues": "ipc", "files": "mnt"}
"""The kind of an effect, and the namespace that holds it."""
_GENERAL = {"name": "name", "mounts": "mounts", "network": "loopback"}
"""The hints of hints.py that would say something else about the same output."""
_WRITING = frozenset(
    ("touch", "mkdir", "cp", "mv", "ln", "tee", "install", "dd", "mknod", "mkfifo")
)
"""Programs that make what their last argument names."""
_LOOK = {"network": "ip addr", "queues": "ipcs -q"}
"""What shows that it worked, where no line of the state does it."""


class Effect(Value):
    """What a run changed that has ended with it.

    kind   name, mounts, network, queues, files, directory or environment
    what   the mount point or the name of the variable, "" for the other kinds
    argv   the words of the run
    line   the line of the state that does the same for every run, "" if there is none
    last   whether nothing came after it on its line
    """

    kind: str
    what: str
    argv: tuple[str, ...]
    line: str
    last: bool


def effects(state: State, argv: list[str]) -> list[Effect]:
    """What a run of these words changed, if it went well, and has ended with it.

    >>> [made] = effects(State(flags=("uts",)), ["hostname", "bar"])
    >>> made.kind, made.line
    ('name', 'hostname bar')
    >>> effects(State(), ["hostname", "bar"])  # of the host, which stays
    []
    """
    commands = list(looks.commands(argv))
    found = []
    for at, (name, args) in enumerate(commands):
        kind, what, line = _effect(name, args)
        if not kind and (what := _written(state, argv, name, args)):
            kind = "files"
        if not kind or (not state.has(_NAMESPACES.get(kind, "")) and kind in _NAMESPACES):
            continue
        last = at == len(commands) - 1
        if not last and kind not in _NAMESPACES:
            continue  # it was meant for what comes after it
        if looks.is_sh(argv) and re.search(r"[$`*?\[~]", " ".join([name, *args])):
            line = ""  # what that was is not known here
        found.append(Effect(kind, what, tuple(argv), line, last))
    return found


def _effect(name: str, args: list[str]) -> tuple[str, str, str]:
    """The kind of what a command changes, what of that kind, and the line of the state; or "" thrice."""
    plain = [arg for arg in args if not arg.startswith("-")]
    if looks.changes_name(name, args):
        return "name", "", join(["hostname", plain[0]]) if len(args) == 1 else ""
    if name == "mount" and (made := _mounted(args)):
        return "mounts", made[0], made[1]
    if name == "umount" and plain:
        return "mounts", plain[-1], join(["umount", plain[-1], *["-l"] * ("-l" in args)])
    if looks.changes_network(name, args):
        return "network", "", ""
    if name in ("ipcmk", "ipcrm") and args:
        return "queues", "", ""
    if name == "cd" and len(plain) == len(args) == 1:
        return "directory", "", join(["cd", *args])
    if name == "export" and plain and "=" in plain[0]:
        return "environment", plain[0].partition("=")[0], join(["env", *plain])
    return "", "", ""


def _written(state: State, argv: list[str], name: str, args: list[str]) -> str:
    """The tmpfs of the state in which a command of a run makes a file; "" if there is none.

    >>> state = State(mounts=(Mount("tmpfs", "none", "/mnt"),))
    >>> _written(state, ["touch", "/mnt/x"], "touch", ["/mnt/x"])
    '/mnt'
    """
    for entry in state.mounts:
        if isinstance(entry, Mount) and entry.fstype in ("tmpfs", "ramfs"):
            below = entry.target.rstrip("/") + "/"
            says = name in ("echo", "printf") and looks.is_sh(argv) and ">" in argv[2]
            if args and args[-1].startswith(below) and (name in _WRITING or says):
                return entry.target
    return ""


def _mounted(args: list[str]) -> tuple[str, str] | None:
    """The target of a line of mount(8) and the same as a line of nsh; None if it mounts nothing.

    >>> _mounted(["-t", "tmpfs", "none", "/mnt"]), _mounted(["--bind", "/etc", "/mnt", "-oro"])
    (('/mnt', 'mount tmpfs /mnt'), ('/mnt', 'mount bind /etc /mnt -o ro'))
    """
    fstype, options, plain = "", [], []
    words = iter(args)
    for word in words:
        if word in ("-t", "--types", "-o", "--options"):
            value = next(words, "")
        elif word[:2] in ("-t", "-o"):
            word, value = word[:2], word[2:]
        elif word in ("--bind", "-B", "--rbind", "-R"):
            fstype = "rbind" if word in ("--rbind", "-R") else "bind"
            continue
        elif word.startswith("-"):
            if word not in ("-n", "-v", "--no-mtab", "--verbose"):
                return None
            continue
        else:
            plain.append(word)
            continue
        if word in ("-t", "--types"):
            fstype = value
        else:
            options += value.split(",")
    for bind in {"bind", "rbind"} & {*options}:
        fstype = bind
        options.remove(bind)
    if len(plain) != 2 or "remount" in options:
        return None
    source, target = plain
    line = ["mount", fstype, source, target] if source not in ("none", fstype) else []
    line = line or ["mount", fstype, target]
    text = join(line) + (f" -o {quote(','.join(options))}" if options else "")
    return target, text if fstype else ""


def gone(
    before: Iterable[Effect],
    state: State,
    argv: list[str],
    given: Collection[str] = (),
    taken: Collection[str] = (),
    stay: Mapping[str, Collection[str]] | None = None,
) -> Hint | None:
    """The hint for a run that looks at what an earlier one has changed for itself alone; or None.

    before  what earlier runs have changed, the last one last
    taken   the names that a child cannot have
    stay    the children that live, with the kinds of namespaces that are their own

    >>> made = effects(State(flags=("uts",)), ["hostname", "bar"])
    >>> gone(made, State(flags=("uts",)), ["hostname"]).fixes
    ('hostname bar', 'sh hostname bar; hostname')
    """
    commands = list(looks.commands(argv))
    own = {effect.kind for effect in effects(state, argv)}
    for effect in reversed(list(before)):
        if _name(effect.kind) in given or effect.kind in own or _is_set(effect, state):
            continue
        if any(_at(effect, argv, name, args) for name, args in commands):
            words = list(effect.argv)
            fixes = [effect.line] if effect.line else []
            first, then = looks.line_of(words), looks.line_of(argv)
            # A line that ends in a comment or in the background cannot be gone on with.
            if "#" not in first and first.rstrip()[-1:] not in (";", "&", "|", "\\"):
                done = first.endswith(f"; {then}")  # it has looked itself
                fixes.append(f"sh {first}" if done else f"sh {first}; {then}")
            if not effect.line and effect.kind in _NAMESPACES:
                kind = _NAMESPACES[effect.kind]
                there = [name for name, kinds in (stay or {}).items() if kind in kinds]
                if there:
                    fixes.insert(0, _inside(there[0], words, argv))
                else:
                    name = next(name for name in _children() if name not in taken)
                    fixes.append(f"start {name}; {_inside(name, words, argv)}")
            return Hint(_name(effect.kind), _text(effect), tuple(fixes), again=bool(effect.line))
    return None


def _inside(name: str, words: list[str], argv: list[str]) -> str:
    """The line that changes and then looks, both in one child."""
    return f"enter {name} {_entered(words)}; enter {name} {_entered(argv)}"


def alone(made: list[Effect], given: Collection[str] = ()) -> Hint | None:
    """The hint for a run whose last command has changed something for itself alone; or None."""
    if not made or not made[-1].last or "alone" in given:
        return None
    effect = made[-1]
    line = effect.line
    if effect.kind == "files":
        line = f"sh {looks.line_of(list(effect.argv))}; ls {quote(effect.what)}"
    if effect.kind in _LOOK:
        line = f"sh {looks.line_of(list(effect.argv))}; {_LOOK[effect.kind]}"
    if effect.kind == "files":
        what = f"its tmpfs on {effect.what} has ended with it"
    elif effect.kind in _NAMESPACES:
        what = f"its {_NAMESPACES[effect.kind]} namespace has ended with it"
    else:
        what = f"it changed the {effect.kind} of none but itself"
    text = f"each run is a child of its own: {what}"
    return Hint("alone", text, (line, TOPIC) if line else (TOPIC,), again=False)


def covered(hint: Hint) -> list[str]:
    """The names of the hints that one of these makes superfluous.

    >>> covered(Hint("gone name", "", ()))
    ['name']
    """
    return [name for kind, name in _GENERAL.items() if _name(kind) == hint.name]


def _name(kind: str) -> str:
    return f"gone {kind}"


def _text(effect: Effect) -> str:
    argv, kind = list(effect.argv), effect.kind
    typed = shorten(f"{'sh' if looks.is_sh(argv) else 'run'} {looks.line_of(argv)}")
    if kind == "files":
        return (
            f"{typed} was a child of its own: the tmpfs on {effect.what} is a new one in each run"
        )
    if kind in _NAMESPACES:
        return f"{typed} was a child of its own: its {_NAMESPACES[kind]} namespace has ended"
    return f"{typed} was a child of its own: it changed its own {kind}"


def _entered(argv: list[str]) -> str:
    return join(["sh", *argv[1:3]]) if looks.is_sh(argv) else join(argv)


def _children() -> Iterable[str]:
    yield "box"
    number = 2
    while True:
        yield f"box{number}"
        number += 1


def _is_set(effect: Effect, state: State) -> bool:
    """Whether the state brings about by now, or no longer keeps apart, what the effect changed."""
    match effect.kind:
        case "name":
            return state.hostname is not None or not state.has("uts")
        case "mounts":
            targets = [entry.target for entry in state.mounts]
            return effect.what in targets or not state.has("mnt")
        case "directory":
            return state.cwd is not None
        case "environment":
            return any(variable.name == effect.what for variable in state.env)
        case "files":
            on = [entry for entry in state.mounts if entry.target == effect.what]
            return not on or not isinstance(on[-1], Mount) or not state.has("mnt")
    return not state.has(_NAMESPACES[effect.kind])


def _at(effect: Effect, argv: list[str], name: str, args: list[str]) -> bool:
    """Whether a command looks at what the effect has changed."""
    match effect.kind:
        case "name":
            return looks.at_name(name, args)
        case "mounts":
            below = effect.what.rstrip("/") + "/"
            return looks.at_mounts(name, args) or any(f"{arg}/".startswith(below) for arg in args)
        case "files":
            return any(f"{arg}/".startswith(effect.what.rstrip("/") + "/") for arg in args)
        case "network":
            return looks.at_network(name, args)
        case "queues":
            return looks.at_queues(name, args)
        case "directory":
            return looks.at_directory(name, args)
    used = rf"\$\{{?{re.escape(effect.what)}\b"
    return looks.at_environment(name, args) or any(re.search(used, arg) for arg in args)
