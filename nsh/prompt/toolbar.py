"""Toolbar: the state in one line, worked out anew from shell.state each time it is shown."""

from __future__ import annotations

from nsh.errors import Refusal
from nsh.linux.namespaces import NAMESPACES
from nsh.parts.ids.calls import ranges
from nsh.parts.join.around import around
from nsh.parts.join.own import in_another, seen
from nsh.plan.guard import check
from nsh.state import Mount, Umount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.parts.join.targets import Target
    from nsh.shell import Shell

    Fragments = list[tuple[str, str]]

BAR = " │ "


def fragments(shell: Shell, took: float | None, width: int, mode: str = "") -> Fragments:
    """(style, text) pairs: the namespaces, who, where, mounts, last status, what is missing.

    ``took`` is how long the last line ran, None before the first. ``mode`` is vi's. What does not
    fit in ``width`` columns is left out from the least important on.
    """
    there = seen(shell.state, shell.host)
    out = _namespaces(shell, there)
    if shell.stepped is not None:
        step = ("class:step", f" step {shell.stepped.place}"[:width])
        rest = [("class:bar", BAR), *out[1:]]
        out = [step, *(rest if _width([step, *rest]) <= width else [])]
    parts = _parts(shell, took, mode, there)
    # The order on the screen stays; the last in importance goes first.
    while parts and _width(out) + sum([_width(part) + len(BAR) for _, part in parts]) > width:
        parts.remove(max(parts, key=lambda part: part[0]))
    for _, part in parts:
        out.append(("class:bar", BAR))
        out += part
    if shell.lesson_goal:
        out += [("", "\n "), ("class:goal", f"goal: {shell.lesson_goal}"[: max(0, width - 2)])]
    return out


def _namespaces(shell: Shell, there: dict[str, Target]) -> Fragments:
    """The eight kinds; those that the next run does not share are chips, the blanks between too."""
    out: Fragments = []
    before = ""
    for namespace in NAMESPACES:
        look, sign = "class:shared", ""
        if shell.state.has(namespace.name):
            look, sign = "class:new", "+"
        elif namespace.name in there:
            look, sign = "class:joined", "@"
        # The blank between two belongs to the chip on its left, otherwise to the one on its right.
        out.append((before if before not in ("", "class:shared") else look, " "))
        out.append((look, sign + namespace.name))
        before = look
    return out


def _parts(
    shell: Shell, took: float | None, mode: str, there: dict[str, Target]
) -> list[tuple[int, Fragments]]:
    state = shell.state
    parts: list[tuple[int, Fragments]] = [(1, [("", user_inside(shell))])]
    if state.hostname is not None and in_another("uts", state, shell.host):
        parts.append((4, [("class:name", _short(state.hostname))]))
    elif "uts" in there:
        parts.append((4, [("class:name", _short(f"as {there['uts'].name}"))]))
    else:
        import os

        parts.append((4, [("", _short(os.uname().nodename))]))
    mounts = len([entry for entry in state.mounts if isinstance(entry, Mount)])
    if state.mounts:
        gone = len([entry for entry in state.mounts if isinstance(entry, Umount)])
        text = f"{mounts} mount{'' if mounts == 1 else 's'}"
        parts.append((3, [("", f"{text} -{gone}" if gone else text)]))
    else:
        parts.append((5, [("class:shared", "0 mounts")]))
    if took is not None:
        status = ("class:failed", f"[{shell.status}]") if shell.status else ("class:ok", "ok")
        parts.append((2, [status, ("", f" {duration(took)}")]))
    missing = refusal(shell)
    if shell.host.living:
        living = list(shell.host.living)
        more = f" +{len(living) - 3}" if len(living) > 3 else ""
        parts.append((3, [("", "living: "), ("class:living", f"{' '.join(living[:3])}{more}")]))
    if shell.recording is not None:
        name = shell.recording.path.rpartition("/")[2]
        parts.append((1, [("class:recording", f"rec {_short(name)}")]))
    if missing:
        parts.append((0, [("class:failed", f"needs {missing}")]))
    if mode:
        parts.append((6, [("", mode)]))
    return parts


def user_inside(shell: Shell) -> str:
    """Who the next run is inside: root, nobody, a name or a uid. See user_namespaces(7)."""
    own = shell.host.uid
    if shell.state.user is not None:
        return f"uid {shell.state.user.uid}" if shell.state.user.uid else "root"
    try:
        outside = around(shell.state, shell.host)
        own = outside.uid
        if not shell.state.has("user"):
            name = "" if outside.is_around else shell.host.user
            return "root" if own == 0 else name or f"uid {own}"
        wanted = ranges("uid", shell.state.uidmap, outside)
    except Refusal:
        return "uid ?"
    for entry in wanted:
        if entry.has_outside(own):
            uid = entry.inside + own - entry.outside
            break
    else:
        return "nobody"
    if uid == 0:
        return "root"
    return shell.host.user or f"uid {uid}" if uid == own else f"uid {uid}"


def refusal(shell: Shell) -> str:
    """What the next run lacks: the command that fixes it, "" if nothing is refused."""
    try:
        check(shell.state, shell.host)
    except Refusal as found:
        return found.fixes[0] if found.fixes else "help"
    return ""


def duration(seconds: float) -> str:
    """A time as a person reads it.

    >>> duration(0.0123), duration(2.34), duration(3700)
    ('12 ms', '2.3 s', '1 h 01 min')
    """
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds) // 60
    if minutes < 60:
        return f"{minutes} min {int(seconds) % 60:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"


def _width(fragments: Fragments) -> int:
    return sum([len(text) for _, text in fragments])
