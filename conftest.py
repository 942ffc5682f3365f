"""Loads the plugin from this checkout, unless nsh is installed and pytest has loaded it already."""

from importlib.metadata import entry_points

installed = any(entry.value == "nsh.pytest_plugin" for entry in entry_points(group="pytest11"))
pytest_plugins = [] if installed else ["nsh.pytest_plugin"]
