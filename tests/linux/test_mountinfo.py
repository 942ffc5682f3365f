"""/proc/self/mountinfo, made for real: names with blanks, backslashes, # and bytes of all kinds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import ROOT

NAMES = [
    "é x",
    "a\tb",
    "a\nb",
    "a\\b",
    "a\\040b",
    "\\134",
    "a#b",
    "\udcff",
    "日本 語",
    "'q' \"r\"",
    "~",
    "-l",
]

DRIVER = f"""
import json, os, sys
sys.path.insert(0, {str(ROOT)!r})
from nsh.linux.mountinfo import mount_of, mount_points
from nsh.linux.syscalls import in_c
name, path = json.loads(sys.argv[1]), sys.argv[2] + "/" + json.loads(sys.argv[1])
os.mkdir(path)
function, args = in_c("mount", (os.fsencode(name), os.fsencode(path), b"tmpfs", 0, None))
assert function(*args) == 0
[found] = [each for each in mount_points() if each.point.startswith(sys.argv[2] + "/")]
print(json.dumps([found.point, found.source, found.fstype, mount_of(path + "/x") == found]))
from nsh.prompt.completion import complete
from nsh.shell import Shell
from nsh.words import split
shell = Shell(interactive=True)
found = complete(shell, "umount " + sys.argv[2] + "/")
texts = [each.text for each in found]
print(json.dumps([split(text) for text in texts]))
about = [each.about for each in found if split(each.text) == [path]]
print(json.dumps(about))
shell.onecmd("umount " + texts[0])
print(json.dumps(shell.state.mounts[-1].target))
print(json.dumps(shell.run_line("flags +mnt; run true") or shell.status))
"""


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize("name", NAMES)
def test_a_mount_is_known_and_offered_by_its_own_name(name: str, locale: str, place: Path) -> None:
    script = f'mount -t tmpfs none {place}; exec "$@"'
    result = subprocess.run(
        [
            *("unshare", "-m", "sh", "-ec", script, "sh"),
            *(sys.executable, "-I", "-c", DRIVER, json.dumps(name), str(place)),
        ],
        capture_output=True,
        text=True,
        env={"LC_ALL": locale, "PATH": "/usr/bin:/bin"},
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")
    point, offered, about, target, status = [
        json.loads(line) for line in result.stdout.splitlines()
    ]
    assert point == [f"{place}/{name}", name, "tmpfs", True]
    assert offered == [[f"{place}/{name}"]]
    assert about == ["tmpfs, mounted on the host"]
    assert target == f"{place}/{name}"
    assert status == 0  # umount2(2) has found it by that name
