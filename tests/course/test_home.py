"""Without HOME: progress and history go to the home of the user database, or nowhere at all.

The user database is another one here, in a mount namespace of its own.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from nsh.files import own_file
from tests.conftest import nsh
from tests.screen import Start

UNSET = ["env", "-u", "HOME", "-u", "XDG_STATE_HOME", "-u", "XDG_CONFIG_HOME"]
STEP = "lesson uts\nsolution\nskip\nskip\n"


def with_passwd(place: Path, home: str | None) -> list[str]:
    """A command's beginning: root has that home in the user database, or is not in it."""
    passwd = place / "passwd"
    line = "" if home is None else f"root:x:0:0:root:{home}:/bin/sh\n"
    passwd.write_text(f"nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n{line}")
    # Other sources of users than that file, such as systemd, know a root of their own.
    switch = place / "nsswitch.conf"
    switch.write_text("passwd: files\n")
    mounts = f"mount --bind {passwd} /etc/passwd\n"
    mounts += f"test ! -e /etc/nsswitch.conf || mount --bind {switch} /etc/nsswitch.conf\n"
    return ["unshare", "-m", "sh", "-ec", mounts + 'exec "$@"', "sh", *UNSET]


def there(top: str) -> list[str]:
    return sorted(os.listdir(top))


def test_progress_goes_to_the_home_of_the_user_database(place: Path) -> None:
    home = place / "home"
    home.mkdir()
    result = nsh(stdin=STEP, before=with_passwd(place, str(home)))
    assert "not kept" not in result.stderr
    kept = home / ".local/state/nsh/progress"
    assert kept.read_text().splitlines()[0].startswith("uts 1 ")
    again = nsh("-c", "lesson", before=with_passwd(place, str(home)))
    assert "skipped" in next(line for line in again.stdout.splitlines() if " uts " in line)


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_where_there_is_no_home_it_is_told_once_and_nothing_is_written(
    home: str | None, place: Path
) -> None:
    before = there("/"), there(".")
    result = nsh(stdin=STEP, before=with_passwd(place, home))
    told = [line for line in result.stderr.splitlines() if "the progress is not kept" in line]
    assert len(told) == 1
    assert told[0].endswith("the progress is not kept: there is no home directory to keep it in")
    assert (there("/"), there(".")) == before
    assert there(str(place)) == ["nsswitch.conf", "passwd"]
    assert not os.path.exists("/.local")


def test_history_goes_to_the_home_of_the_user_database(place: Path, start: Start) -> None:
    home = place / "home"
    home.mkdir()
    screen = start(prefix=with_passwd(place, str(home)))
    screen.line("flags +uts")
    screen.ready()
    assert "+uts" in screen.text()
    assert (home / ".local/state/nsh/history").read_text() == "flags +uts\n"


def test_where_there_is_no_home_the_history_is_not_kept_and_it_is_told_once(
    place: Path, start: Start
) -> None:
    screen = start(prefix=with_passwd(place, None))
    for line in ("flags +uts", "flags +pid"):
        screen.line(line)
        screen.ready()
    text = screen.text().replace("\n", " ")
    assert text.count("there is no home directory to keep it in") == 1
    assert not os.path.exists("/.local")
    screen.keys("Up")
    screen.until("nsh> flags +pid")  # in memory it is there


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/h"}, "/h/.local/state/nsh/name"),
        ({"HOME": "/h", "XDG": "/x"}, "/x/nsh/name"),
        ({"HOME": "/h", "XDG": "x"}, "/h/.local/state/nsh/name"),
        ({"HOME": "/h", "XDG": ""}, "/h/.local/state/nsh/name"),
        ({"XDG": "/x"}, "/x/nsh/name"),
    ],
)
def test_a_base_directory_has_the_first_word(environ: dict[str, str], expected: str) -> None:
    assert own_file(environ, "XDG", ".local/state", "name") == expected


def test_a_home_that_is_no_absolute_path_counts_as_none(place: Path) -> None:
    home = place / "home"
    home.mkdir()
    for value in ("", "relative", "."):
        line = shlex.join(["env", f"HOME={value}"])
        result = nsh(stdin=STEP, before=[*with_passwd(place, str(home)), *shlex.split(line)])
        assert "not kept" not in result.stderr
        assert (home / ".local/state/nsh/progress").exists()
