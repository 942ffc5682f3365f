"""scripts/bench measures everything that it says; how fast things are is no matter for a test."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.conftest import ROOT

BENCH = str(ROOT / "scripts" / "bench")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_every_row_is_measured_and_nothing_leaks() -> None:
    result = subprocess.run(
        [BENCH, "--quick"], capture_output=True, text=True, timeout=300, cwd="/", check=False
    )
    assert (result.stderr, result.returncode) == ("", 0)
    head, rule, *lines = result.stdout.splitlines()
    assert head == "| what | against | ratio | at most | medians |"
    assert rule == "| --- | --- | --- | --- | --- |"
    rows = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines]
    assert [len(row) for row in rows] == [5] * len(rows)
    what = [row[0] for row in rows]
    for start in (
        "start: ",
        "the same through",
        "5 \u00d7 `run true`",
        "5 \u00d7 `enter box true`",
        "prompt ready",
        "2,000 state",
    ):
        assert any(text.startswith(start) for text in what), start
    for _, _, ratio, _, medians in rows[:-1]:
        assert re.fullmatch(r"\d+\.\d\d", ratio)
        assert float(ratio) > 0
        assert re.fullmatch(r"[\d.]+ (ms|µs|MiB), [\d.]+ (ms|µs|MiB)( each)?", medians)
    assert rows[-1][0].startswith("60 runs")
    assert rows[-1][2:4] == ["0, 0, 0, 0", "0"]


def test_an_unknown_option_is_a_usage_error() -> None:
    result = subprocess.run([BENCH, "--slow"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: ")
