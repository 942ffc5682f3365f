"""Markdown as a terminal shows it."""

from __future__ import annotations

import pytest

from nsh.show.markdown import WIDTH, filled, rendered

LONG = "word " * 40


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("# a: b\n\n## C\nText\nof it.\n", "a: b\n====\n\nC\n-\n\nText of it."),
        ("See [runs](runs.md) and [the rules](runs.md#x).", "See `help runs` and the rules (`help runs`)."),
        ("[An article](http://a.org/b), [ours](../../README.md).", "An article (http://a.org/b), ours."),
        ("![A picture](prompt.svg)\n\nText **in bold**.", "Text in bold."),
        ("- one\n  more\n- two\n1. three\n", "- one more\n- two\n1. three"),
        ("Text:\n```nsh\nnsh> run  a\n\n> b\n```\nmore", "Text:\n\n    nsh> run  a\n\n    > b\n\nmore"),
        ("````markdown\n```nsh\na\n```\n````\n", "    ```nsh\n    a\n    ```"),
        ("    indented  code\n    more\n", "    indented  code\n    more"),
        ("", ""),
    ],
)  # fmt: skip
def test_each_block_has_its_look(page: str, shown: str) -> None:
    assert rendered(page) == shown


def test_a_list_item_hangs() -> None:
    first, *rest = rendered(f"12. {LONG}\n").splitlines()
    assert first.startswith("12. word")
    assert rest
    assert all(line.startswith("    word") for line in rest)


def test_a_small_table_is_as_wide_as_its_cells() -> None:
    page = "| key | what it does |\n| --- | --- |\n| `a \\| b` | c `d` |\n| Tab | e |\n"
    assert rendered(page).splitlines() == [
        "key    what it does",
        "-----  ------------",
        "a | b  c `d`",
        "Tab    e",
    ]


def test_the_cells_of_a_wide_table_are_wrapped_in_their_columns() -> None:
    page = f"| a | b | c |\n| - | - | - |\n| {LONG} | short | {LONG} |\n| last | x | y |\n"
    lines = rendered(page).splitlines()
    assert max(len(line) for line in lines) <= WIDTH
    second = lines[0].index("b")
    third = lines[0].index("c")
    assert all(line[second - 2 : second].strip() == "" for line in lines)
    assert all(line[third - 2 : third].strip() == "" for line in lines)
    assert lines[-1].split() == ["last", "x", "y"]
    text = " ".join(line[third:].strip() for line in lines[2:-1])
    assert text.split() == LONG.split()
    assert all(line.startswith("  ") for line in lines[3:-1])  # a first cell goes on deeper


def test_a_word_wider_than_its_column_is_not_cut() -> None:
    word = "x" * 2 * WIDTH
    page = f"| a | b |\n| - | - |\n| {word} | text |\n"
    assert rendered(page).splitlines()[-1] == f"{word}  text"


def test_the_prose_of_a_lesson_is_filled_and_its_code_is_not() -> None:
    text = filled([LONG, "more.", "", "    code  as", "    it is", "", "end"])
    prose, code, end = text.split("\n\n")
    assert max(len(line) for line in prose.splitlines()) <= WIDTH
    assert prose.endswith("more.")
    assert (code, end) == ("    code  as\n    it is", "end")
