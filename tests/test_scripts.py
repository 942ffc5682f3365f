"""The two scripts that make the virtual environment: which python they take."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.runs import ROOT

PYTHON = """\
#!/bin/sh
echo "$*" >>"$0.log"
case "$*" in "-m venv --clear "*) mkdir -p "$4/bin" && ln -s "$0" "$4/bin/python" ;; esac
"""
"""A python that notes how it is called, and whose environments have itself."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the scripts, without a virtual environment."""
    place = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", place / "scripts")
    shutil.copy(ROOT / "setup.cfg", place)
    return place


def make(checkout: Path, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "scripts" / "venv.sh", "runs"],
        env={**os.environ, "NSH_PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_python_that_is_named_makes_the_environment(checkout: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    result = make(checkout, str(python))
    assert (result.stdout, result.returncode) == ("", 0)
    assert f"-m venv --clear {checkout}/.venv" in Path(f"{python}.log").read_text().splitlines()
    assert (checkout / ".venv" / ".runs").exists()
    assert not (checkout / ".venv" / ".tests").exists()


@pytest.mark.parametrize("python", ["/bin/false", "/nonexistent/python"])
def test_a_python_that_cannot_do_it_is_an_error(checkout: Path, python: str) -> None:
    result = make(checkout, python)
    assert result.stderr == (
        f"nsh: NSH_PYTHON is {python}, and that is no Python 3.11 or later\n"
        "nsh: try: unset NSH_PYTHON\n"
    )
    assert result.returncode == 1
    assert not (checkout / ".venv").exists()
