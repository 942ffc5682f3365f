"""python -m nsh, and python PATH/nsh/__main__.py for a checkout that is not installed."""

import sys

if not __package__:
    sys.path.insert(0, __file__.rpartition("/nsh/")[0])

from nsh.cli import main

if __name__ == "__main__":
    sys.exit(main())
