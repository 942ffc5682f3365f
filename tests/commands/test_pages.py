"""The pages of the manual: each is there, is shown by `help`, and says nothing that is not so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nsh.commands.manual import PAGES, offered, page_title, read_page
from nsh.course.lesson import COURSE
from nsh.linux.namespaces import NAMESPACES
from nsh.prompt.completion import complete
from nsh.shell import Shell
from tests.conftest import nsh
from tests.lines import Told, say
from tests.runs import ROOT

PLACE = ROOT / "nsh" / "pages"
DOCUMENTS = [ROOT / "README.md", *sorted(PLACE.glob("*.md"))]
IDS = [path.name for path in DOCUMENTS]


def test_every_page_is_listed_and_none_has_the_name_of_a_command() -> None:
    assert sorted(PAGES) == sorted(path.stem for path in PLACE.glob("*.md"))
    assert not set(PAGES) & set(Shell().command_names())


def test_help_ends_with_the_pages(capsys: Told) -> None:
    out, errors, status = say(capsys, "help")
    assert (errors, status) == ([], 0)
    assert f"Pages, for help PAGE: {', '.join(PAGES)}." in " ".join(out.split())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_text_for_a_terminal(capsys: Told, name: str) -> None:
    out, errors, status = say(capsys, f"help {name}")
    assert (errors, status) == ([], 0)
    title, rule, *rest = out.splitlines()
    assert title == f"{name}: {page_title(name)}"
    assert rule == "=" * len(title)
    assert page_title(name)
    prose = [line for line in rest if not line.startswith("    ")]
    assert max(len(line) for line in prose) <= 80
    assert not [line for line in prose if re.match(r"\||```|#+ \S+( \S+)*$", line) or "](" in line]
    for word in re.findall(r"`help (\w+)`", " ".join(out.split())):
        assert word in (*PAGES, *Shell().command_names()) or word.isupper(), word


def test_a_mistyped_page_is_found(capsys: Told) -> None:
    assert say(capsys, "help script") == (
        "",
        ["help: there is no command script", "try: help scripts"],
        2,
    )


def test_completion_offers_the_pages_after_the_commands() -> None:
    shell = Shell()
    found = [each.text for each in complete(shell, "help ")]
    assert found == [*[name for name, _ in offered(shell)], *PAGES]
    [page] = [each for each in complete(shell, "help teach") if each.text == "teachers"]
    assert page.about == f"page: {page_title('teachers')}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_what_a_document_links_to_is_there(path: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", path.read_text())
    for link in links:
        assert "://" in link or (path.parent / link.partition("#")[0]).is_file(), link


def test_the_front_page_names_every_page_as_it_names_itself() -> None:
    text = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| \[(\w+)\]\(nsh/pages/\w+\.md\) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(name, page_title(name)) for name in PAGES]
    assert len(text.splitlines()) < 120


def test_the_numbers_in_words_are_right() -> None:
    numbers = ("seven", "eight", "nine", "ten")
    of_lessons = [
        word
        for path in DOCUMENTS
        for word in re.findall(r"(\w+) lessons\b", path.read_text())
        if word in numbers
    ]
    assert len(of_lessons) >= 3
    assert set(of_lessons) == {numbers[len(COURSE) - 7]}
    row = re.search(r"^\| `flags .*$", read_page("commands"), re.MULTILINE)
    assert row
    assert " ".join(namespace.name for namespace in NAMESPACES) in row[0]


def test_the_lesson_in_the_page_about_lessons_passes_its_check(tmp_path: Path) -> None:
    example = re.search(r"^````markdown\n(.*?)^````$", read_page("lessons"), re.M | re.S)
    assert example
    path = tmp_path / "greeting.nsh.md"
    path.write_text(example[1])
    result = nsh("--check", str(path))
    assert (result.stderr, result.returncode) == ("", 0)
    assert "greeting" in result.stdout


def test_nsh_names_the_pages_on_its_command_line() -> None:
    assert "`help PAGE`" in nsh("--help").stdout
