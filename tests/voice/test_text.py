"""Text with roles: what is wrapped loses no word, and what is painted no character."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from nsh.voice import theme
from nsh.voice.text import breaks, painted, plain, prose, wrapped

WORDS = st.lists(st.text("abcde", min_size=1, max_size=12), min_size=1, max_size=30)
PIECES = st.lists(st.tuples(st.sampled_from(["", "hint", "call", "why"]), st.text("ab \n")))
SGR = re.compile("\x1b\\[[0-9;]*m")


@given(WORDS, st.integers(20, 60), st.sampled_from(["", "nsh: ", "    "]))
def test_wrapping_breaks_between_words_only(words: list[str], width: int, start: str) -> None:
    line = start + " ".join(words)
    shown = plain(wrapped(line, width)).split("\n")
    assert " ".join(" ".join(shown).split()) == " ".join(line.split())
    assert max(len(each) for each in shown) <= width
    assert all(each.startswith(" " * len(start)) for each in shown[1:])


@given(PIECES, st.integers(20, 40))
def test_roles_stay_with_their_characters(pieces: list[tuple[str, str]], width: int) -> None:
    text = wrapped(pieces, width)
    assert plain(text) == wrapped(plain(pieces), width)
    assert SGR.sub("", painted(text, colours=True)) == plain(text)


def test_a_word_that_is_too_long_is_left_to_the_terminal() -> None:
    assert breaks("x" * 90, 80, 5) == []
    assert wrapped("nsh: " + "x" * 90, 80) == "nsh: " + "x" * 90


def test_a_line_to_type_goes_on_after_a_backslash() -> None:
    line = "nsh: try: mount overlay /mnt -o lowerdir=/a,upperdir=/b,workdir=/c"
    first, second = plain(wrapped(line, 50, " \\")).split("\n")
    assert first.endswith(" \\")
    assert len(first) <= 50
    assert first.removesuffix("\\") + second.strip() == line


def test_without_colours_the_attributes_stay() -> None:
    for role in {**theme.VOICE, **theme.LINE}:
        assert set(theme.codes(role, colours=False).split(";")) <= {"", "1", "2", "3", "4", "7"}
    assert painted([("error", "no"), ("call", "x")], colours=False) == "no\x1b[1mx\x1b[0m"


def test_what_is_indented_or_quoted_in_prose_is_a_line_of_nsh() -> None:
    text = prose("Type `a`, not ` `:\n\n    b", lambda line: [("word", line)])
    assert [piece for role, piece in text if role == "word"] == ["a", " ", "b"]
    assert plain(text) == "Type `a`, not ` `:\n\n    b"


def test_a_paragraph_is_filled_anew_on_a_narrow_terminal() -> None:
    first = "a word " * 10 + "of it"
    text = f"{first}\nand more\n\n  {first}\n  and more\nshort\n    flags +uts\n"
    found = prose(text, lambda line: [("", line)])
    assert plain(found) == text
    assert wrapped(found, 80) == found
    lines = plain(wrapped(found, 60)).split("\n")
    assert [line.split()[-3:] for line in lines[:2]] == [["a", "word", "a"], ["it", "and", "more"]]
    assert lines[3].startswith("  a word")
    assert lines[4].endswith(" of it and more")
    assert lines[5:] == ["short", "    flags +uts", ""]
    assert all(len(line) <= 60 for line in lines)


def test_what_a_list_or_a_table_goes_on_with_is_neither_heading_nor_line_of_nsh() -> None:
    page = "- one\n  more `a`\n\n  mount: No\n    user\n\nkey    what\n-----  ----\nTab    one\n  it   user `b`\n"
    text = prose(page, lambda line: [("word", line)])
    assert plain(text) == page
    assert [piece for role, piece in text if role == "word"] == ["a", "b"]
    assert [piece.strip() for role, piece in text if role == "name"] == ["Tab", "it"]
    assert "heading" not in {role for role, _ in text}
