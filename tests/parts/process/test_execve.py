"""Diagnoses of execve, each cause made for real unless the test's name says how."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import NSH
from tests.diagnosis import FAILED, session, teach
from tests.runs import sh
from tests.unprivileged import unprivileged_command


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    """A file with that text and mode."""
    path.write_text(text)
    path.chmod(mode)
    return path


# The program is not found: status 127.


@pytest.mark.parametrize(
    ("line", "cause", "fix"),
    [
        ("run ulimit", "ulimit is no program: it is built into shells", "sh ulimit"),
        ("run flags", "flags is a command of nsh itself, no program", "flags"),
        ("run lsnss", "no directory of PATH has a program lsnss", "run lsns"),
        ("run . x", ". is no program: it is built into shells", "sh . x"),
        ("run ~/x y", "~ is replaced only by a shell", "sh ~/x y"),
        ("run ''", "the name of the program is empty", "run"),
        ("run /nosuch/true", "there is no /nosuch/true", f"run {shutil.which('true')}"),
    ],
)
def test_no_such_program(line: str, cause: str, fix: str) -> None:
    status = 126 if line == "run . x" else 127
    teach(line, call="= -1 E", cause=cause, fixes=[fix], status=status, works=False)
    if "x" not in fix:
        out, said = session([fix])
        assert not FAILED.findall(out)
        assert not said


def test_a_program_that_is_not_in_path() -> None:
    teach(
        "env PATH=/proc/nonexistent",
        "run ls /dev/null",
        call='execve("/proc/nonexistent/ls"',
        cause="which is not in PATH",
        status=127,
        works=False,
    )


@needs.NAMESPACES
def test_a_program_that_a_mount_covers() -> None:
    for program in ("ls", "/usr/bin/ls"):
        teach(
            "flags +mnt",
            "mount tmpfs /srv",
            "mount tmpfs /usr",
            f"run {program} /srv",
            call="= -1 ENOENT",
            cause="ls is there on the host, but inside your tmpfs on /usr covers it",
            fixes=["reset mounts", "mount tmpfs /srv"],
            status=127,
        )


def test_a_relative_program_is_looked_up_in_the_directory_of_the_run(place: Path) -> None:
    script(place / "true", "#!/bin/sh\n")
    teach(
        f"cd {place}",
        "run ./tru",
        call='execve("./tru", ["./tru"]',
        cause=f"there is no {place}/tru",
        status=127,
        works=False,
    )


# It is found, but what starts it is not: status 127.


def test_a_missing_interpreter(place: Path) -> None:
    path = script(place / "script", "#!/nosuch/cat -n\n")
    lesson = teach(
        f"run {path}",
        call="= -1 ENOENT",
        cause=f"{path} is there, but its first line asks for the interpreter /nosuch/cat,"
        f" and there is none there; it is {shutil.which('cat')}",
        fixes=[f"run {shutil.which('cat')} -n {path}"],
        status=127,
        works=False,
    )
    out, said = session(lesson.fixes)
    assert "1\t#!/nosuch/cat" in out
    assert not said


def test_a_missing_interpreter_that_is_nowhere(place: Path) -> None:
    path = script(place / "script", '#!/nosuch/nosuch\necho "$1"\n')
    lesson = teach(
        f"run {path} 'a b'",
        call="= -1 ENOENT",
        cause="asks for the interpreter /nosuch/nosuch, and there is none there",
        fixes=[f"run sh {path} 'a b'"],
        status=127,
        works=False,
    )
    assert "a b\n" in session(lesson.fixes)[0].replace(lesson.fixes[0], "")


def test_an_interpreter_with_a_carriage_return(place: Path) -> None:
    path = script(place / "script", "#!/bin/sh\r\ntrue\r\n")
    teach(
        f"run {path}",
        call="= -1 ENOENT",
        cause="ends with a carriage return, as on Windows",
        fixes=[f"!sed -i 's/\\r$//' {path}"],
        status=127,
    )


@needs.NAMESPACES
def test_an_interpreter_that_a_mount_covers(place: Path) -> None:
    (place / "bin").mkdir()
    shutil.copy("/bin/sh", place / "bin" / "sh")
    path = script(place / "script", f"#!{place}/bin/sh\n")
    teach(
        "flags +mnt",
        f"mount tmpfs {place}/bin",
        f"run {path}",
        call="= -1 ENOENT",
        cause=f"its interpreter {place}/bin/sh (from its first line) is covered inside by your tmpfs",
        fixes=["reset mounts"],
        status=127,
    )


def test_a_missing_dynamic_loader(place: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("there is no gcc")
    source = script(place / "a.c", "int main(void) { return 0; }\n")
    program = place / "program"
    options = ["-Wl,--dynamic-linker=/nosuch/loader", "-o", str(program)]
    subprocess.run([gcc, str(source), *options], check=True)
    lesson = teach(
        f"run {program}",
        call="= -1 ENOENT",
        cause=f"{program} is there, but /nosuch/loader, which is to load it",
        status=127,
        works=False,
    )
    out, said = session(lesson.fixes)
    assert not FAILED.findall(out)
    assert not said


@needs.NAMESPACES
def test_a_dynamic_loader_that_a_mount_covers(place: Path) -> None:
    program = place / "true"
    shutil.copy(shutil.which("true") or "/bin/true", program)
    teach(
        "flags +mnt",
        "mount tmpfs /usr",
        f"run {program}",
        call="= -1 ENOENT",
        cause="which loads it and its libraries, is covered inside by your tmpfs on /usr",
        fixes=["reset mounts"],
        status=127,
    )


# It is there but may not or cannot be run: status 126.


def test_a_directory_is_no_program() -> None:
    teach(
        "run /tmp",
        call='execve("/tmp"',
        cause="/tmp is a directory, and only a file can be run",
        fixes=["cd /tmp"],
        status=126,
        works=False,
    )


def test_no_execute_permission(place: Path) -> None:
    path = script(place / "script", "#!/bin/sh\n", 0o644)
    teach(
        f"run {path}",
        call="= -1 EACCES (Permission denied)",
        cause=f"{path} has no execute permission",
        fixes=[f"!chmod +x {path}"],
        status=126,
    )


@needs.ANOTHER
@pytest.mark.parametrize("kind", ["script", "program"])
def test_no_execute_permission_and_not_its_owner(place: Path, kind: str) -> None:
    name = f"true-{os.getpid()}"
    path = place / name
    if kind == "script":
        script(path, "#!/bin/sh -e\nexit $1\n", 0o644)
        fixes = [f"run /bin/sh -e {path} 0"]
    else:
        shutil.copy(shutil.which("true") or "/bin/true", path)
        path.chmod(0o644)
        fixes = [f"!install -m 755 {path} /tmp/{name}", f"run /tmp/{name} 0"]
    lesson = teach(
        f"run {path} 0",
        start=unprivileged_command(),
        call="= -1 EACCES",
        cause=f"{path} has no execute permission",
        fixes=fixes,
        status=126,
        works=False,
    )
    try:
        out, said = session(lesson.fixes, start=unprivileged_command())
        assert not FAILED.findall(out)
        assert not said
    finally:
        Path(f"/tmp/{name}").unlink(missing_ok=True)


@needs.AROUND
def test_a_mount_without_exec(place: Path) -> None:
    name = f"true-{os.getpid()}"
    put = f"mount -t tmpfs -o noexec none {place}; cp /bin/true {place}/{name}"
    before = ["unshare", "-m", *sh(put)]
    lesson = teach(
        f"run {place}/{name}",
        before=before,
        call="= -1 EACCES",
        cause=f"{place} is mounted noexec, so nothing on it can be run",
        fixes=[f"!install -m 755 {place}/{name} /tmp/{name}", f"run /tmp/{name}"],
        status=126,
        works=False,
    )
    try:
        out, said = session(lesson.fixes, before=before)
        assert not FAILED.findall(out)
        assert not said
    finally:
        Path(f"/tmp/{name}").unlink(missing_ok=True)


@needs.NAMESPACES
def test_a_bind_mount_without_exec(place: Path) -> None:
    path = script(place / "script", "#!/bin/sh\n")
    teach(
        "flags +mnt",
        f"mount bind {place} /mnt -o noexec",
        "run /mnt/script",
        call="= -1 EACCES",
        cause="you mounted /mnt with noexec",
        status=126,
        works=False,
    )
    assert path.exists()


@needs.ANOTHER
def test_nobody_inside_may_not_run_what_only_its_owner_may(place: Path) -> None:
    path = script(place / "script", "#!/bin/sh\n", 0o755)
    path.chmod(0o744)
    os.chown(path, 1000, 1000)
    teach(
        "flags +user",
        f"run {path}",
        call="= -1 EACCES",
        cause=f"only its owner, uid 1000, may run {path}",
        fixes=["uidmap 0 0 4294967295", "gidmap 0 0 4294967295"],
        status=126,
    )


def test_a_file_that_is_neither_program_nor_script(place: Path) -> None:
    path = script(place / "script", "exit $1\n")
    lesson = teach(
        f"run {path} 0",
        call="= -1 ENOEXEC (Exec format error)",
        cause=f"{path} is neither a program nor a script that begins with #!",
        fixes=[f"run sh {path} 0"],
        status=126,
        works=False,
    )
    assert not session(lesson.fixes)[1]


def test_a_program_for_another_processor(place: Path) -> None:
    data = bytearray(Path("/bin/true").read_bytes())
    data[18:20] = b"\x16\x00" if data[18:20] != b"\x16\x00" else b"\x3e\x00"
    path = place / "other"
    path.write_bytes(data)
    path.chmod(0o755)
    teach(
        f"run {path}",
        call="= -1 ENOEXEC",
        cause="is a program for another kind of processor than",
        status=126,
        works=False,
    )


def test_a_variable_that_is_too_big() -> None:
    teach(
        f"env BIG={'x' * 140000}",
        "run true",
        call="= -1 E2BIG (Argument list too long)",
        cause="the variable BIG has 140005 bytes",
        fixes=["env -u BIG"],
        status=126,
    )


def test_words_that_are_too_big() -> None:
    teach(
        f"run true {'x' * 140000}",
        call="= -1 E2BIG",
        cause="the longest 140001",
        fixes=["run true"],
        status=126,
        works=False,
    )


def test_a_file_that_is_used_as_a_directory() -> None:
    teach(
        "run /etc/passwd/x",
        call="= -1 ENOTDIR",
        cause="a part of /etc/passwd/x is used as a directory and is none",
        status=126,
        works=False,
    )


def test_a_program_that_is_open_for_writing(place: Path) -> None:
    name = f"true-{os.getpid()}"
    shutil.copy("/bin/true", place / name)
    try:
        with open(place / name, "ab"):
            lesson = teach(
                f"run {place}/{name}",
                call="= -1 ETXTBSY (Text file busy)",
                cause="open for writing; a copy can be run",
                fixes=[f"!install -m 755 {place}/{name} /tmp/{name}", f"run /tmp/{name}"],
                status=126,
                works=False,
            )
            assert not session(lesson.fixes)[1]
    finally:
        Path(f"/tmp/{name}").unlink(missing_ok=True)


@needs.NAMESPACES
@pytest.mark.parametrize(
    ("inject", "call", "cause"),
    [
        ("unshare:error=ENOMEM", "= -1 ENOMEM", "no memory left"),
        ("unshare:error=ENOSYS", "= -1 ENOSYS", "does not have the system call unshare"),
        ("unshare:error=EPERM", "= -1 EPERM", "a security module"),
        ("unshare:error=EMFILE", "= -1 EMFILE", "too many files are open"),
        ("sethostname:error=EFAULT", "= -1 EFAULT", "nothing that nsh looks at explains it"),
        ("chdir:error=EIO", "= -1 EIO", "nothing that nsh looks at explains it"),
    ],
)
def test_what_has_no_cause_here_by_injected_errno(inject: str, call: str, cause: str) -> None:
    name = inject.partition(":")[0]
    strace = f"strace -f -qq -o /dev/null -e trace={name} -e inject={inject}".split()
    teach(
        "flags +uts",
        "hostname x",
        "cd /",
        "run true",
        start=[*strace, *NSH],
        call=call,
        cause=cause,
        works=False,
    )
