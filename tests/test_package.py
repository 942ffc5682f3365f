"""The package: what pip builds and installs is all of nsh, and it runs without the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import prompt_toolkit
import pytest

from tests.runs import NSH, ROOT

FILES = {
    str(path.relative_to(ROOT))
    for path in (ROOT / "nsh").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}

LEXERS = """\
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
print(get_lexer_by_name("nsh-commands").name, get_lexer_for_filename("a.nsht").name, sep=", ")
"""


def out(*words: str | Path, cwd: Path | None = None) -> str:
    """What a command writes. Fails with its errors if it does not end with status 0."""
    result = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, cwd=cwd, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an sdist and a wheel, built from a copy without any network."""
    pytest.importorskip("setuptools", minversion="70.1", reason="scripts/test installs it")
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "nsh", source / "nsh", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    place = tmp_path_factory.mktemp("dist")
    for what in ("sdist", "wheel"):
        line = f"from setuptools import build_meta; build_meta.build_{what}({str(place)!r})"
        out(sys.executable, "-c", line, cwd=source)
    return place


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, dist: Path) -> Path:
    """The python of a new environment with the wheel in it; what nsh needs it sees of this one."""
    place = tmp_path_factory.mktemp("venv")
    out(sys.executable, "-m", "venv", "--without-pip", place)
    made = place / "bin" / "python"
    [library] = place.glob("lib/python*/site-packages")
    (library / "needs.pth").write_text(f"{Path(prompt_toolkit.__file__).parent.parent}\n")
    [wheel] = dist.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", made, "--disable-pip-version-check")
    out(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    return made


def test_the_wheel_and_the_sdist_hold_every_file(dist: Path) -> None:
    [wheel] = dist.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == FILES
    assert {"nsh/py.typed", "nsh/teach/topics/calls.txt", "nsh/course/lessons/pid.nsh.md"} <= names
    assert {"nsh/pages/scripts.md", "nsh/pages/prompt.svg"} <= names
    [sdist] = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = {name.partition("/")[2] for name in archive.getnames()}
    assert members >= {*FILES, "setup.cfg", "pyproject.toml", "README.md", "LICENSE"}


@pytest.mark.parametrize("line", ["help", "help teachers", "explain pid", "lesson", "plan true"])
def test_an_installed_nsh_says_what_the_checkout_says(
    python: Path, tmp_path: Path, line: str
) -> None:
    nsh = python.parent / "nsh"
    assert out(nsh, "-c", line, cwd=tmp_path) == out(*NSH, "-c", line, cwd=tmp_path) != ""
    where = out(python, "-I", "-c", "import nsh; print(nsh.__file__)")
    assert where.startswith(str(python.parent.parent))


def test_an_installed_nsh_brings_its_lexers_to_pygments(python: Path) -> None:
    assert out(python, "-I", "-c", LEXERS) == "nsh, nsh transcript\n"


def test_an_installed_nsh_brings_its_plugin_to_pytest(python: Path, tmp_path: Path) -> None:
    (tmp_path / "a.nsht").write_text("nsh> flags\nSIGCHLD\n")
    said = out(python, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)
    assert "1 passed" in said
