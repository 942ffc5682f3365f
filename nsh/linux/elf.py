"""The little of an ELF file that decides whether it can start. See elf(5)."""

from __future__ import annotations

import os
import struct

PT_INTERP = 3


def _header(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(8192)
    except OSError:
        return b""


def of_this_machine(path: str) -> bool:
    """Whether an ELF file is for this kind of processor: that of the shell, /bin/sh."""
    mine, theirs = _header("/bin/sh"), _header(path)
    return mine[:6] == theirs[:6] and mine[18:20] == theirs[18:20]


def program_interpreter(path: str) -> str:
    """The dynamic loader that an ELF file asks for, "" if it asks for none. See ld.so(8)."""
    data = _header(path)
    if data[:4] != b"\x7fELF" or len(data) < 64:
        return ""
    wide = data[4] == 2
    order = "<" if data[5] == 1 else ">"
    try:
        if wide:
            start, size, count = (
                *struct.unpack_from(order + "Q", data, 32),
                *struct.unpack_from(order + "HH", data, 54),
            )
        else:
            start, size, count = (
                *struct.unpack_from(order + "I", data, 28),
                *struct.unpack_from(order + "HH", data, 42),
            )
        for at in range(start, start + size * count, size):
            if struct.unpack_from(order + "I", data, at)[0] == PT_INTERP:
                if wide:
                    [offset] = struct.unpack_from(order + "Q", data, at + 8)
                    [length] = struct.unpack_from(order + "Q", data, at + 32)
                else:
                    [offset] = struct.unpack_from(order + "I", data, at + 4)
                    [length] = struct.unpack_from(order + "I", data, at + 16)
                return os.fsdecode(data[offset : offset + length].split(b"\0")[0])
    except struct.error:
        pass
    return ""
