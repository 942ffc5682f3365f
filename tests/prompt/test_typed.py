"""What belongs to a typed session, and what scripts have nothing of."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import NSH, ROOT, nsh


def test_a_script_imports_neither_prompt_toolkit_nor_pygments(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("flags +uts\nshow\nhelp run\nplan true\n")
    for args in (["-c", "flags +uts; show; help"], [str(script)], ["--help"]):
        result = subprocess.run(
            [NSH[0], "-X", "importtime", *NSH[1:], *args],
            capture_output=True,
            text=True,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        assert "nsh.shell" in result.stderr or args == ["--help"]
        for name in ("prompt_toolkit", "pygments", "nsh.prompt", "asyncio"):
            assert name not in result.stderr, name


def test_only_the_prompt_imports_prompt_toolkit() -> None:
    for path in (ROOT / "nsh").rglob("*.py"):
        if "prompt_toolkit" in path.read_text() and path.parent.name != "prompt":
            lines = [line for line in path.read_text().splitlines() if "prompt_toolkit" in line]
            assert not [line for line in lines if "import" in line], path


def test_nshrc_is_not_for_scripts(tmp_path: Path) -> None:
    (tmp_path / "nsh").mkdir()
    (tmp_path / "nsh" / "nshrc").write_text("flags +pid\n")
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    assert nsh("-c", "show", env=env).stdout == ""
    assert nsh(stdin="show\n", env=env).stdout == ""


def test_set() -> None:
    result = nsh("-c", "set; set editing-mode vi; set")
    assert result.stdout == "set editing-mode emacs\nset editing-mode vi\n"
    for line in ("set editing-mode", "set colour blue", "set editing-mode edt"):
        assert nsh("-c", line).returncode == 2
