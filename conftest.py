"""Loads the plugin from this checkout, unless nsh is installed and pytest has loaded it already."""

import os
from importlib.metadata import entry_points

import pytest

installed = any(entry.value == "nsh.pytest_plugin" for entry in entry_points(group="pytest11"))
pytest_plugins = [] if installed else ["nsh.pytest_plugin"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The sessions of the README and the pages are those of root."""
    for item in items:
        ours = item.path.name == "README.md" or item.path.match("nsh/pages/*.md")
        if ours and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root: it makes namespaces as root does"))
