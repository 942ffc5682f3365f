"""nsh: a shell for learning and trying Linux namespaces."""

__version__ = "0.1.0"
