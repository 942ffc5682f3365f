"""Shell: all commands together. One method, one command; its docstring is its manual page."""

from __future__ import annotations

from nsh.commands.back import BackCommands
from nsh.commands.children import ChildCommands
from nsh.commands.entering import EnterCommands
from nsh.commands.looking import LookCommands
from nsh.commands.manual import ManualCommands
from nsh.commands.stepping import StepCommands
from nsh.commands.trees import TreeCommands
from nsh.course.commands import LessonCommands
from nsh.course.queues import QueueCommands
from nsh.foreign import ForeignCommands
from nsh.parts.table import StateCommands
from nsh.teach.commands import TeachCommands
from nsh.teach.compare import DiffCommands
from nsh.transcript.commands import RecordCommands


class Shell(
    StateCommands,
    LookCommands,
    StepCommands,
    TreeCommands,
    DiffCommands,
    TeachCommands,
    LessonCommands,
    QueueCommands,
    ChildCommands,
    EnterCommands,
    BackCommands,
    RecordCommands,
    ManualCommands,
    ForeignCommands,
):
    """The shell: the parts of the state, running, looking, learning, going back, recording."""
