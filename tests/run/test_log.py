"""What a child that stays has written: all of it, or the last of a flood."""

from __future__ import annotations

import os

import pytest

from nsh.run.living import Living
from nsh.run.log import SIZE, Log
from nsh.state import START
from tests.run.living import sh, start
from tests.runs import until


def test_what_it_writes_is_kept(stopping: list[Living]) -> None:
    child = sh(START, "echo out; echo err >&2; read line || echo no input")
    stopping.append(child)
    child.wait()
    assert child.written() == (0, b"out\nerr\nno input\n")


def test_it_has_all_that_was_written_up_to_now(stopping: list[Living]) -> None:
    child = sh(START, "seq 20000; echo done; exec sleep 60")
    stopping.append(child)
    until(lambda: b"done" in child.written()[1], "its output")
    assert child.written()[1] == b"".join([b"%d\n" % n for n in range(1, 20001)]) + b"done\n"


def test_a_flood_is_bounded_and_what_is_dropped_is_counted(stopping: list[Living]) -> None:
    child = sh(START, "seq 1 400000 && echo end")
    stopping.append(child)
    child.wait()
    dropped, kept = child.written()
    whole = b"".join([b"%d\n" % n for n in range(1, 400001)]) + b"end\n"
    assert len(kept) == SIZE
    assert dropped == len(whole) - SIZE
    assert whole.endswith(kept)


def test_a_flood_does_not_stop_nsh_and_reading_it_gives_whole_lines(stopping: list[Living]) -> None:
    child = start(START, "yes", "abcdefghi")
    stopping.append(child)
    until(lambda: child.log.total > 3 * SIZE, "a flood")
    dropped, kept = child.written()
    assert dropped > SIZE
    shift = dropped % 10
    assert kept == (b"abcdefghi\n" * (len(kept) // 10 + 2))[shift : shift + len(kept)]


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE, SIZE + 1, 3 * SIZE + 7])
def test_the_ring_of_a_log(size: int) -> None:
    log = Log("web")
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    data = bytes([n % 251 for n in range(size)])
    try:
        at = 0
        while at < size:
            at += os.write(write, data[at : at + 50000])
            assert log.take(read)
        assert log.take(read)  # nothing there, and not its end
        os.close(write)
        assert not log.take(read)
        assert log.read() == (max(0, size - SIZE), data[-SIZE:])
        assert (log.total, log.is_busy) == (size, False)
    finally:
        os.close(read)
        log.close()
