"""env as it is typed from habit."""

from __future__ import annotations

import pytest

from tests.lines import Told, say


@pytest.mark.parametrize(
    ("line", "fixes"),
    [
        ("env A b", ["env A=b"]),
        ("env A = 'b c'", ["env 'A=b c'"]),
        ("env A=b id -u", ["env A=b", "run id -u"]),
        ("env A=b -u C id", ["env A=b -u C", "run id"]),
        ("env -i id", ["help env"]),
        ("env 1 2", ["help env"]),
    ],
)
def test_the_line_that_is_meant(capsys: Told, line: str, fixes: list[str]) -> None:
    out, errors, status = say(capsys, line)
    assert (out, status, errors[1:]) == ("", 2, [f"try: {fix}" for fix in fixes])
