"""Loads the plugin from this checkout, unless nsh is installed and pytest has loaded it already."""

import os
from importlib.metadata import entry_points

import pytest

installed = any(entry.value == "nsh.pytest_plugin" for entry in entry_points(group="pytest11"))
pytest_plugins = [] if installed else ["nsh.pytest_plugin"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The session of the README is one that was started as root, as it says there."""
    for item in items:
        if item.path.name == "README.md" and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root: it makes namespaces as root does"))
