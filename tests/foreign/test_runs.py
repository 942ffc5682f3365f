"""The lines that are proposed are typed, and do on the kernel what the foreign line would have done."""

from __future__ import annotations

import re

import pytest

from tests.conftest import NSH, nsh
from tests.unprivileged import unprivileged_command

WHO = [pytest.param(NSH, id="root"), pytest.param(unprivileged_command(), id="ordinary user")]
LINES = {
    "unshare -r -fp --mount-proc sh -c 'echo $$; ls -d /proc/[0-9]*'": "1\n/proc/1\n",
    "unshare -un sh -c 'grep -c : /proc/net/dev'": "1\n",
    "unshare -c id -u": "{uid}\n",
    "unshare -U --map-user=7 id -u": "7\n",
    "unshare -rm -w / pwd": "/\n",
    "sudo id -u": "0\n",
    "docker run -it -h box -e A=b -w / alpine sh -c 'echo $A $$; uname -n; pwd'": "b 1\nbox\n/\n",
    "docker run -v /usr:/mnt:ro --net host alpine sh -c 'test -d /mnt/bin && echo there'": "there\n",
    "./uts uname -n": "myhostname\n",
    "./net grep -c : /proc/net/dev": "1\n",
    "./skeleton echo x": "x\n",
    "chroot / sh -c 'echo x'": "x\n",
    "exec echo x": "x\n",
    "for i in 1 2; do echo $i; done": "1\n2\n",
    'system("echo a | tr a b");': "b\n",
    'execlp("echo", "echo", "a b", NULL);': "a b\n",
}


def proposed(line: str, start: list[str]) -> list[str]:
    """The lines after ``try:``, each once."""
    said = nsh(stdin=line, start=start, cwd="/").stderr
    return list(dict.fromkeys(re.findall(r"^nsh: stdin:1: try: (.*)$", said, re.MULTILINE)))


@pytest.mark.parametrize("start", WHO)
@pytest.mark.parametrize("line", LINES)
def test_the_proposed_lines_do_it(line: str, start: list[str]) -> None:
    fixes = proposed(line, start)
    done = nsh("-e", stdin="\n".join(fixes), start=start, cwd="/")
    assert (done.stderr, done.returncode) == ("", 0), fixes
    who = nsh("-c", "!id -u", start=start).stdout.strip()
    assert done.stdout == LINES[line].replace("{uid}", who)


@pytest.mark.parametrize("start", WHO)
def test_flags_of_c_and_a_mount(start: list[str]) -> None:
    lines = [
        "flags +user",
        "map root",
        *proposed("int clone_flags = CLONE_NEWNS | CLONE_NEWUTS | SIGCHLD;", start),
        *proposed('mount("none", "/mnt", "tmpfs", MS_RDONLY, "size=1m");', start),
        *proposed('sethostname("inside", 6);', start),
        "sh uname -n; grep ' /mnt ' /proc/self/mounts",
    ]
    done = nsh("-e", stdin="\n".join(lines), start=start, cwd="/")
    assert done.stderr == ""
    assert re.match(r"inside\nnone /mnt tmpfs ro,.*size=1024k", done.stdout)
