"""The house: one room for each idea, imports one way, and no list that could forget a command."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.runs import ROOT

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "nsh").rglob("*.py"))
}
MOST_FILES = 16
MOST_LINES = 400

FLOORS = (
    ("nsh.value", "nsh.words", "nsh.offers", "nsh.options"),
    ("nsh.linux", "nsh.errors"),
    ("nsh.state", "nsh.files", "nsh.voice"),
    ("nsh.call",),
    ("nsh.host", "nsh.run", "nsh.show"),
    ("nsh.base",),
    ("nsh.parts",),
    ("nsh.plan",),
    ("nsh.commands", "nsh.foreign"),
    ("nsh.transcript",),
    ("nsh.teach", "nsh.pytest_plugin"),
    ("nsh.course",),
    ("nsh.shell",),
    ("nsh.prompt",),
    ("nsh.cli",),
    ("nsh.__main__",),
)
"""The rooms from the ground up: each imports only from floors below its own, and from itself."""


def imports(name: str) -> set[str]:
    """All modules of nsh that a module imports: also inside functions, and for annotations alone."""
    found = set()
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports by a relative name"
            module = node.module or ""
            names = {f"{module}.{alias.name}" for alias in node.names}
            found |= {each if each in FILES else module for each in names}
    return {each for each in found if each in FILES} - {"nsh", name}


def floor_of(name: str) -> int:
    rooms = [
        (number, room)
        for number, floor in enumerate(FLOORS)
        for room in floor
        if name == room or name.startswith(room + ".")
    ]
    assert len(rooms) == 1, f"{name} stands on no floor: add its room to FLOORS"
    return rooms[0][0]


def room_of(name: str) -> str:
    return ".".join(name.split(".")[:2])


def test_no_import_goes_up() -> None:
    for name in set(FILES) - {"nsh"}:
        for other in imports(name):
            if room_of(name) != room_of(other):
                assert floor_of(other) < floor_of(name), f"{name} imports {other}"


def test_no_files_import_each_other_in_a_circle() -> None:
    below: dict[str, set[str]] = {name: imports(name) for name in FILES}
    while free := {name for name, needs in below.items() if not needs}:
        below = {name: needs - free for name, needs in below.items() if name not in free}
    assert not below


def test_nsh_itself_holds_few_files() -> None:
    assert len([path for path in (ROOT / "nsh").iterdir() if path.is_file()]) <= MOST_FILES


def test_no_file_is_long() -> None:
    for folder in ("nsh", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= MOST_LINES, path


def test_the_tests_stand_in_the_rooms_of_nsh() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        assert (ROOT / "nsh" / path.parent.relative_to(ROOT / "tests")).is_dir(), path


def test_linux_knows_nothing_of_nsh() -> None:
    for name in FILES:
        if name.startswith("nsh.linux."):
            assert {room_of(other) for other in imports(name)} <= {"nsh.linux", "nsh.value"}, name


def test_only_the_prompt_imports_prompt_toolkit() -> None:
    for name, path in FILES.items():
        if "prompt_toolkit" in path.read_text() and not name.startswith("nsh.prompt."):
            lines = [line for line in Path(path).read_text().splitlines() if "import" in line]
            assert not [line for line in lines if "prompt_toolkit" in line], name
