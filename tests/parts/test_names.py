"""Diagnoses of host and domain names, each cause made for real."""

from __future__ import annotations

import pytest

from tests import needs
from tests.diagnosis import teach


@needs.NAMESPACES
@pytest.mark.parametrize("command", ["hostname", "domainname"])
@pytest.mark.parametrize(
    ("name", "size", "short"), [("x" * 65, 65, "x" * 64), ("é" * 33, 66, "é" * 32)]
)
def test_a_name_over_64_bytes(command: str, name: str, size: int, short: str) -> None:
    teach(
        "flags +uts",
        f"{command} {name}",
        "run true",
        call=f", {size}) = -1 EINVAL (Invalid argument)",
        cause=f"the name has {size} bytes, and the kernel takes 64 at most",
        fixes=[f"{command} {short}" if short.isascii() else f"{command} '{short}'"],
    )


@needs.NAMESPACES
@pytest.mark.parametrize("command", ["hostname", "domainname"])
def test_a_joined_name_below_a_new_user_namespace(command: str) -> None:
    teach(
        "flags +uts",
        "start web",
        "reset",
        "join web",
        "flags +user",
        f"{command} x",
        "run true",
        call=f'set{command}("x", 1) = -1 EPERM',
        cause="the uts namespace of web is joined, and belongs to a user namespace around the new one",
        fixes=["flags +uts"],
    )
