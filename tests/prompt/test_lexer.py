"""The Pygments lexers: every letter comes back, and what nsh does not know is marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.token import Comment, Error, Generic, Keyword, Name, Punctuation, String, Text

from nsh.prompt.lexer import NshLexer, TranscriptLexer, command_names
from nsh.shell import Shell
from tests.runs import ROOT


def tokens(line: str) -> list[tuple[object, str]]:
    found = NshLexer().get_tokens_unprocessed(line)
    return [(kind, text) for _, kind, text in found if text.strip()]


@pytest.mark.parametrize(
    ("line", "text", "kind"),
    [
        ("flags +pid", "flags", Keyword),
        ("flags +pid", "+pid", Name.Constant),
        ("flags -CLONE_NEWNS", "-CLONE_NEWNS", Name.Constant),
        ("flags +all", "+all", Name.Constant),
        ("flags +foo", "+foo", Error),
        ("flags pid", "pid", Error),
        ("flags +pi", "+pi", Text),  # still being typed
        ("flags +pi ", "+pi", Error),
        ("flgs +pid", "flgs", Error),
        ("fla", "fla", Text),
        ("fla ", "fla", Error),
        ("map root", "root", Name.Constant),
        ("map rot ", "rot", Error),
        ("propagation slave", "slave", Name.Constant),
        ("mount tmpfs /x -o ro,size=1m", "-o", Name.Attribute),
        ("mount tmpfs /x -o ro,size=1m", "ro,size=1m", Name.Attribute),
        ("env A='b c'", "'b c'", String),
        ("run echo 'open", "'open", Error),
        ("run ps | wc", "|", Error),
        ("sh ps | wc", "|", Punctuation),
        ("!echo $HOME", "$HOME", Name.Variable),
        ("!echo $HOME", "!", Keyword),
        ("!for i in 1; do :; done", "done", Keyword),
        ("host echo a # b", "# b", Comment.Single),
        ("sh echo 'open", "'open", String.Single),
        ("sh echo $'open\\'", "$'open\\'", String.Single),
        ('!echo "open $HOME', "$HOME", Name.Variable),
        ("show # now", "# now", Comment.Single),
        ("flags +pid; shw ", "shw", Error),
        ("?flags", "flags", Name.Constant),
    ],
)
def test_tokens(line: str, text: str, kind: object) -> None:
    assert (kind, text) in tokens(line)


def test_the_commands_are_the_shells() -> None:
    assert command_names() == set(Shell().command_names())
    for name in command_names():
        assert tokens(name) == [(Keyword, name)]


@given(st.text(alphabet="flags +pid-mnt;'\"\\#!?run$|&/ \t\n\r\x85é", max_size=60))
def test_no_letter_is_lost(text: str) -> None:
    for lexer in (NshLexer(), TranscriptLexer()):
        found = list(lexer.get_tokens_unprocessed(text))
        assert "".join(piece for _, _, piece in found) == text
        at = 0
        for index, _, piece in found:
            assert index == at
            at += len(piece)


@given(st.text(alphabet="a1 $'\"\\`{}[]()<>=#&|;", max_size=60))
def test_what_a_shell_reads_is_never_an_error(text: str) -> None:
    found = list(NshLexer().get_tokens_unprocessed("sh " + text))
    assert "".join(piece for _, _, piece in found) == "sh " + text
    assert Error not in [kind for _, kind, _ in found]


def test_an_open_quote_with_many_escapes_is_soon_read() -> None:
    text = "$'" + r"\033[1m" * 200
    assert tokens(f"!printf {text}")[-1] == (String.Single, text)
    assert tokens(f"!cat <<{'a' * 10_000}")[-1] == (Text, "a" * 10_000)


def test_what_a_shell_line_is_made_of_can_be_told_apart() -> None:
    from prompt_toolkit.styles.pygments import pygments_token_to_classname

    from nsh.prompt.line import STYLE

    plain = STYLE.get_attrs_for_style_str("")
    line = "!if test 1; then echo `ls` $((2 * x)) ${y} \"$z\" 'a' b\\ c | wc & fi # d"
    looks = {
        text: STYLE.get_attrs_for_style_str("class:" + pygments_token_to_classname(kind))
        for kind, text in tokens(line)
    }
    assert [text for text, look in looks.items() if look == plain] == ["ls", "b", "c", "wc"]


TRANSCRIPT = """\
---
requires: root
---
# A title
Prose with nsh> in it.
```nsh
nsh> flags +uts
nsh> run echo \\
> two
two
uts:[{inode:a}] (glob)
...
[1]
```
```sh
nsh> not a session
```
"""


def test_a_transcript() -> None:
    found = [(kind, text) for _, kind, text in TranscriptLexer().get_tokens_unprocessed(TRANSCRIPT)]
    assert (Name.Attribute, "requires") in found
    assert (Generic.Heading, "# A title\n") in found
    assert (Text, "Prose with nsh> in it.\n") in found
    assert found.count((Generic.Prompt, "nsh> ")) == 2
    assert (Generic.Prompt, "> ") in found
    assert (Keyword, "flags") in found
    assert (Generic.Output, "two\n") in found
    assert (Name.Variable, "{inode:a}") in found
    assert (Comment.Special, " (glob)\n") in found
    assert (Comment.Special, "...\n") in found
    assert (Generic.Error, "[1]\n") in found
    assert (Text, "nsh> not a session\n") in found


def test_the_plain_form_is_a_session_from_its_first_line() -> None:
    found = list(TranscriptLexer().get_tokens_unprocessed("nsh> show\nflags +pid\n"))
    assert [kind for _, kind, _ in found][:2] == [Generic.Prompt, Keyword]


def test_both_are_entry_points_of_pygments() -> None:
    import configparser
    import importlib

    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options.entry_points"]["pygments.lexers"].strip().splitlines()
    found = {}
    for line in lines:
        alias, _, where = line.partition(" = ")
        module, _, name = where.partition(":")
        found[alias] = getattr(importlib.import_module(module), name)
    assert found == {"nsh-commands": NshLexer, "nsh-transcript": TranscriptLexer}
    assert all(alias in lexer.aliases for alias, lexer in found.items())
