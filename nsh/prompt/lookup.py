"""Lookup: what F1 says about a word and F2 about a line. Nothing here runs or changes anything."""

from __future__ import annotations

from nsh import words
from nsh.base import BaseShell
from nsh.commands.manual import overview, page_of
from nsh.errors import Failure, Refusal
from nsh.linux.namespaces import Namespace, find
from nsh.parts.table import StateCommands
from nsh.plan.order import plan
from nsh.prompt.completion import command_start, first_word
from nsh.show.plans import plan_lines
from nsh.state import START
from nsh.voice.text import joined, labelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.shell import Shell
    from nsh.voice.text import Text

_CHANGING = frozenset(
    [name[3:] for name in {*dir(StateCommands)} - {*dir(BaseShell)} if name.startswith("do_")]
    + ["undo", "redo", "reset"]
)
"""Commands that do nothing but change the state, which can be put back."""


def help_at(shell: Shell, text: str, cursor: int) -> str:
    """Help on the word at the cursor, or on the command that it belongs to, or on all."""
    begin = cursor
    while begin and text[begin - 1] not in words.BLANKS + ";":
        begin -= 1
    end = cursor
    while end < len(text) and text[end] not in words.BLANKS + ";":
        end += 1
    word = text[begin:end]
    command = first_word(text[max(0, command_start(text[:cursor])) :])[0]
    if command.startswith("!"):
        command = "host"
    names = shell.command_names()
    if word in names and (word == command or command == "help"):
        return page_of(shell, word) + _more(word)
    namespace = find(word.lstrip("+-"))
    if namespace and (word[:1] in ("+", "-") or command not in names):
        return about_namespace(namespace) + _more(namespace.name)
    return (page_of(shell, command) if command in names else overview(shell)) + _more(word, command)


def _more(*names: str) -> str:
    """A line that names the topic of the first of these words that has one, "" if none has."""
    from nsh.teach.explain import topic_of

    for name in names:
        if name and topic_of(name.lstrip("+-!")):
            return f"\n\nMore: explain {words.quote(name.lstrip('+-!'))}"
    return ""


def about_namespace(namespace: Namespace) -> str:
    """A row of the table of namespaces as a text."""
    return (
        f"{namespace.name}: {namespace.constant} ({namespace.flag:#x}), since Linux"
        f" {namespace.since}\n\n"
        f"Isolates {namespace.isolates}.\n"
        f"/proc/PID/ns/{namespace.proc} names the one that a process is in.\n\n"
        f"See {namespace.man}, namespaces(7)."
    )


def plan_of(shell: Shell, line: str) -> Text:
    """The calls that the runs of a line would make, with the changes of the state before them.

    A line that only changes the state is followed by the plan of `run`. The state is as before.
    """
    kept = shell.state, shell.past.copy(), shell.future.copy(), shell.status, shell.fixes
    interactive, shell.interactive = shell.interactive, False  # undo would say what it did
    try:
        return _plan_of(shell, line)
    except words.WordError as error:
        return _said(shell, error.why)
    except (Failure, Refusal) as error:
        return joined(
            [_said(shell, text) for text in (error.why, *[f"try: {fix}" for fix in error.fixes])]
        )
    finally:
        shell.state, shell.past, shell.future, shell.status, shell.fixes = kept
        shell.interactive = interactive


def _said(shell: Shell, text: str) -> Text:
    """A line of an error, as nsh says it after Enter."""
    return [("nsh", "nsh: "), *labelled(text, "error", shell.lexed)]


def _plan_of(shell: Shell, line: str) -> Text:
    found: list[Text] = []
    changed = not line.strip()
    for command in words.commands(line, words.RAW):
        name, arguments, _ = shell.parseline(command)
        if not name:
            continue
        arguments = arguments or ""
        if name in ("run", "step", "plan", "diff", "sh", "host"):
            if name in words.RAW:
                argv = ["/bin/sh", "-c", arguments, "sh", *shell.args]
            else:
                argv = shell.argv(arguments)
            state = START if name == "host" else shell.state
            found.append([("heading", f"# {command}")])
            found += plan_lines(plan(state, argv, shell.host))
            changed = False
        elif name in ("start", "enter") and words.split(arguments):
            found.append([("heading", f"# {command}")])
            found += plan_lines(shell.plan_of([name, *words.split(arguments)]))
            changed = False
        elif name in ("next", "continue") and shell.stepped is not None:
            found.append([("heading", f"# {command}: of these, from {shell.stepped.place} on")])
            found += plan_lines(shell.stepped.plan)
            changed = False
        elif name in _CHANGING:
            if words.split(arguments) or name in ("undo", "redo", "reset"):
                getattr(shell, "do_" + name)(arguments)
                changed = True
        elif name not in shell.command_names():
            found.append(_said(shell, f"there is no command {name}"))
        else:
            found.append([("why", f"# {command}: makes none of a run's system calls")])
    if changed:
        found.append([("heading", "# run, in the state that the line leaves")])
        found += plan_lines(plan(shell.state, shell.argv(""), shell.host))
    return joined(found)
