"""Which completion comes first: what begins with the word, then by place, then by tightness."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nsh.prompt.completion import complete
from nsh.shell import Shell


class Offering(Shell):
    """A shell with a command that offers just these words, in this order."""

    offers: tuple[str, ...] = ()

    def do_zzz(self, line: str) -> None:
        """zzz WORD"""

    def complete_zzz(self, before: list[str], word: str) -> Iterator[tuple[str, str]]:
        for each in self.offers:
            yield each, "a word"


def offered(word: str, *words: str) -> list[str]:
    shell = Offering(interactive=True)
    shell.offers = words
    return [found.text for found in complete(shell, "zzz " + word)]


@pytest.mark.parametrize(
    ("word", "ranked"),
    [
        pytest.param("ab", ["abx", "ABx", "xab"], id="beginning, other case, inside"),
        pytest.param("ab", ["ab", "Ab", "zab"], id="a beginning in any case before the inside"),
        pytest.param("ab", ["1ab", "12ab", "123ab"], id="further to the left first"),
        pytest.param("ab", ["9AB", "88ab", "777aB"], id="by place whatever the case"),
        pytest.param("abc", ["zzab-c", "a-b-c", "a--b--c"], id="scattered letters by tightness"),
        pytest.param(
            "ac", ["zzza-c", "a--c", "a---c"], id="tightness counts from the first letter"
        ),
        pytest.param("/b", ["/bin", "/a/b", "/usr/bin"], id="paths"),
    ],
)
def test_the_better_match_comes_first_however_they_are_offered(
    word: str, ranked: list[str]
) -> None:
    assert offered(word, *ranked) == ranked
    assert offered(word, *ranked[::-1]) == ranked
    assert offered(word, *ranked[1:], *ranked[:1]) == ranked


def test_equal_matches_stay_in_the_order_of_the_command() -> None:
    assert offered("a", "az", "aa", "am") == ["az", "aa", "am"]
    assert offered("a", "-az", "-aa", "-am") == ["-az", "-aa", "-am"]
    assert offered("", "z", "a", "m") == ["z", "a", "m"]


def test_scattered_letters_count_only_where_nothing_holds_the_word() -> None:
    assert offered("ab", "a-b", "xxxxab") == ["xxxxab"]
    assert offered("ab", "a-b", "xxxx") == ["a-b"]
    assert offered("ab", "ba", "a", "b") == []


def test_a_word_that_is_offered_twice_stands_there_once() -> None:
    assert offered("a", "ab", "ac", "ab") == ["ab", "ac"]
