"""What a path inside leads to on the host, compared with what the kernel finds after the mounts."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from nsh.host import Host
from nsh.linux import syscalls
from nsh.parts.mounts.calls import make
from nsh.parts.mounts.places import Places
from nsh.state import START, Mount, State, Umount

CLONE_NEWNS = 0x20000

Entry = Mount | Umount
Found = tuple[int, int] | None
"""The device and inode of a file, None where there is none."""


def of_file(path: str) -> Found:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def inside(entries: Sequence[Entry], paths: Sequence[str], root: str = "/") -> list[Found] | None:
    """What the kernel finds at the paths after the mounts, in a chroot; None if a mount failed."""
    state = State(flags=("mnt",), mounts=tuple(entries))
    functions = []
    for call in make(state, "child"):
        args = [os.fsencode(arg) if isinstance(arg, str) else arg for arg in call.args]
        functions.append(syscalls.in_c(call.name, tuple(args)))
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            syscalls.unshare(CLONE_NEWNS)
            worked = all(function(*args) == 0 for function, args in functions)
            os.chroot(root)
            os.chdir("/")
            os.write(write, pickle.dumps([of_file(path) for path in paths] if worked else None))
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    found: list[Found] | None = pickle.loads(data)
    return found


@pytest.fixture(scope="module")
def tree() -> Iterator[str]:
    """A few directories with a few files, and links of each kind."""
    top = os.path.realpath(tempfile.mkdtemp())
    for name in ("a", "b", "c"):
        for deep in ("", "/d", "/d/e"):
            os.makedirs(f"{top}/{name}{deep}", exist_ok=True)
            Path(f"{top}/{name}{deep}/f").write_text(name + deep)
    os.symlink(f"{top}/a", f"{top}/absolute")
    os.symlink("b/d", f"{top}/relative")
    os.symlink("../../c", f"{top}/a/d/up")
    os.symlink("loop", f"{top}/loop")
    os.symlink("ping", f"{top}/pong")
    os.symlink("pong", f"{top}/ping")
    os.symlink("nosuch/x", f"{top}/broken")
    yield top
    shutil.rmtree(top)


def assert_right(entries: Sequence[Entry], paths: Sequence[str]) -> bool:
    """Whether the mounts can be made; then each answer must be what the kernel finds."""
    real = inside(entries, paths)
    if real is None:
        return False
    places = Places(Host(), entries)
    devices = {os.stat(path).st_dev for path in ("/", *paths) if os.path.exists(path)}
    for path, found in zip(paths, real, strict=True):
        place = places.of(path)
        if place.host is None:
            assert found is None or found[0] not in devices, (path, entries, place)
        elif found is not None or ".." not in path:  # of what is not there, .. is not either
            assert of_file(place.host) == found, (path, entries, place)
    return True


def entry(line: str, top: str) -> Entry:
    """``tmpfs /x``, ``bind /a /x``, ``umount /x``, each below the tree; with ``lazy`` or options."""
    words = line.split()
    match words:
        case ["umount", target, *lazy]:
            return Umount(top + target, lazy=bool(lazy))
        case ["tmpfs", target, *options]:
            return Mount("tmpfs", "none", top + target, *options)
        case [kind, source, target, *options]:
            return Mount(kind, top + source, top + target, *options)
    raise AssertionError(line)


ALL = [
    *("", "/f", "/b/../f", "/b/d/../../f", "/b/d/../f", "/c/d/e/../../../a/f"),
    *[f"/{name}{deep}" for name in "abc" for deep in ("", "/f", "/d", "/d/f", "/d/e", "/d/e/f")],
]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["bind /a /b"],
        ["bind /a/d /b"],
        ["bind /a /b/d"],
        ["bind /a/f /b/f"],
        ["bind /a /b", "umount /b"],
        ["bind /a /b", "bind /c /b", "umount /b"],
        ["bind /a /b", "bind /c /b", "umount /b", "umount /b"],
        ["bind /a /b", "bind /b/d /c"],
        ["bind /a /b", "bind /b /c", "umount /b"],
        ["bind /a /b", "bind /c /a"],
        ["bind /a /a", "bind /b /a/d"],
        ["bind /a /a/d"],
        ["bind /a /a/d", "bind /a/d/d/e /b"],
        ["bind /a/d/e /b/d", "bind /c /b/d", "umount /b/d"],
        ["tmpfs /b"],
        ["tmpfs /b", "umount /b"],
        ["tmpfs /b", "bind /a /b"],
        ["bind /a /b", "tmpfs /b/d"],
        ["bind /a /b", "tmpfs /b/d", "umount /b/d"],
        ["tmpfs /b/d", "bind /a /b"],
        ["bind /a /b", "tmpfs /a/d"],
        # What is mounted below the source of a bind is not seen through it, but of an rbind.
        ["tmpfs /a/d", "bind /a /b"],
        ["tmpfs /a/d", "rbind /a /b"],
        ["bind /c /a/d", "bind /a /b"],
        ["bind /c /a/d", "rbind /a /b"],
        ["bind /c /a/d", "bind /a/d /b"],
        ["bind /c /a/d", "bind /a/d/d /b"],
        ["tmpfs /a/d", "bind /a /b", "rbind /b /c"],
        ["tmpfs /a/d", "rbind /a /b", "bind /b /c"],
        ["tmpfs /a/d", "rbind /a /b", "rbind /b /c"],
        ["bind /c/d /a/d", "rbind /a /b", "bind /b/d /c"],
        # A mount that goes lazily takes along what is mounted below it.
        ["bind /a /b", "tmpfs /b/d", "umount /b lazy"],
        ["bind /a /b", "bind /c /b/d", "umount /b lazy"],
        ["bind /c /b/d", "bind /a /b", "umount /b lazy"],
        ["bind /c /b/d", "bind /a /b", "tmpfs /b/d", "umount /b lazy"],
        ["bind /a /b", "bind /c /b/d", "bind /a /b", "umount /b lazy"],
        # What an rbind brought along goes by itself.
        ["tmpfs /a/d", "rbind /a /b", "umount /b/d"],
        ["bind /c /a/d", "rbind /a /b", "umount /b/d"],
        ["bind /c /a/d", "rbind /a /b", "umount /b/d", "bind /c /b/d"],
        ["bind /c /a/d", "rbind /a /b", "umount /a/d"],
        ["bind /c /a/d", "rbind /a /b", "umount /b lazy"],
        # A remount makes nothing new.
        ["bind /a /b", "bind /a /b remount,ro"],
        ["bind /a /b", "bind /c /b remount,ro"],
        ["bind /a /b", "tmpfs /b remount,bind,ro"],
        ["tmpfs /b", "tmpfs /b remount,size=1m"],
        ["bind /a /b ro"],
        # Links on the way to a target and to a source.
        ["bind /absolute /b"],
        ["bind /a/d/up /b"],
        ["bind /c /relative"],
        ["tmpfs /absolute", "umount /a"],
        ["bind /c /a/d/up"],
        ["bind /b /../{name}/c"],
        ["tmpfs /a/../b/./d//"],
        ["bind /a /b", "umount /b/"],
    ],
    ids="; ".join,
)
def test_mounts_lead_where_the_kernel_goes(lines: list[str], tree: str) -> None:
    name = os.path.basename(tree)
    entries = [entry(line.format(name=name), tree) for line in lines]
    assert assert_right(entries, [tree + path for path in ALL]), "the mounts cannot be made"


LINKS = [
    "/absolute/d/f",
    "/relative/e/f",
    "/a/d/up/f",
    "/loop",
    "/loop/x",
    "/ping",
    "/broken",
    "/a/f/x",
]


@pytest.mark.parametrize("line", ["", "bind /b /a", "bind /c /b/d", "tmpfs /c", "bind /a /c"])
def test_a_path_over_links(line: str, tree: str) -> None:
    entries = [entry(line, tree)] if line else []
    assert assert_right(entries, [tree + path for path in LINKS])


directories = st.sampled_from(["/a", "/b", "/c", "/a/d", "/b/d", "/c/d", "/a/d/e", "/b/d/e"])
links = st.sampled_from(["/absolute", "/relative", "/a/d/up", "/a/../b"])
anywhere = st.one_of(directories, directories, links)
mounts = st.one_of(
    st.tuples(st.sampled_from(["bind", "rbind"]), anywhere, anywhere).map(" ".join),
    anywhere.map("tmpfs {}".format),
    directories.map("umount {}".format),
    directories.map("umount {} lazy".format),
    st.tuples(anywhere, anywhere).map(lambda two: "bind {} {} remount,ro".format(*two)),
)


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(mounts, max_size=6))
def test_random_mounts_lead_where_the_kernel_goes(lines: list[str], tree: str) -> None:
    entries: list[Entry] = []
    for line in lines:  # those that the kernel refuses are left out
        more = [*entries, entry(line, tree)]
        if inside(more, ()) is not None:
            entries = more
    event(f"{len(entries)} mounts")
    assert assert_right(entries, [tree + path for path in [*ALL, *LINKS]])


# Under another root.


@pytest.fixture(scope="module")
def other_root(tree: str) -> str:
    """A directory to be / inside, with links that lead out if they are followed on the host."""
    top = f"{tree}/root"
    for name in ("etc/deep", "bin", "usr/bin"):
        os.makedirs(f"{top}/{name}")
    for name in ("f", "etc/f", "etc/deep/f", "bin/f", "usr/bin/f"):
        Path(top, name).write_text(name)
    for target, name in (
        ("/etc", "absolute"),
        ("/", "top"),
        ("../../../..", "out"),
        ("../../../../../etc", "etc/out"),
        ("/absolute/deep", "twice"),
        ("etc/deep/..", "up"),
        (f"{tree}/a", "host"),
        ("/loop", "loop"),
        ("/pong/x", "ping"),
        ("/ping/x", "pong"),
        ("/nosuch/../etc", "through"),
        ("f/../etc", "file"),
        ("../usr//bin/./", "etc/bin"),
    ):
        os.symlink(target, f"{top}/{name}")
    return top


names = st.sampled_from(
    [
        *("etc", "deep", "bin", "usr", "f", "..", ".", "", "nosuch"),
        *("absolute", "top", "out", "twice", "up", "host", "loop", "ping", "through", "file"),
    ]
)


def assert_right_in(root: str, path: str) -> None:
    [found] = inside((), [path], root) or [None]
    place = Places(Host(), (), root).of(path)
    assert place.host is not None
    assert (place.host + "/").startswith(root + "/")
    if found is not None:
        assert of_file(place.host) == found, (path, place)
        assert os.path.realpath(place.host) == place.host


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.lists(names, max_size=7).map(lambda parts: "/" + "/".join(parts)))
def test_a_path_under_another_root(path: str, other_root: str) -> None:
    assert_right_in(other_root, path)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", ""),
        ("/..", ""),
        ("/../../etc", "/etc"),
        ("/out", ""),
        ("/etc/out/f", "/etc/f"),
        ("/absolute/f", "/etc/f"),
        ("/twice/f", "/etc/deep/f"),
        ("/top/top/top/bin", "/bin"),
        ("/up/f", "/etc/f"),
        ("/etc/bin/f", "/usr/bin/f"),
        ("/nosuch/x", "/nosuch/x"),
    ],
)
def test_links_are_followed_within_the_root(path: str, place: str, other_root: str) -> None:
    assert (Places(Host(), (), other_root).of(path).host or "") == other_root + place
    assert_right_in(other_root, path)


@pytest.mark.parametrize("path", ["/loop", "/ping", "/pong/x/y", "/loop/../etc/f"])
def test_a_loop_of_links_ends(path: str, other_root: str) -> None:
    assert (Places(Host(), (), other_root).of(path).host or "").startswith(other_root)
    assert inside((), [path], other_root) == [None]


@pytest.mark.parametrize(
    ("lines", "paths"),
    [
        (["tmpfs /etc"], ["/etc", "/etc/f", "/absolute", "/up/f", "/bin/f"]),
        (["tmpfs /etc", "umount /etc"], ["/etc/f", "/absolute/f"]),
        (["bind /a /etc"], ["/etc/f", "/absolute/d/f", "/bin/f", "/etc/deep/f", "/etc/../etc/f"]),
        (["bind /a /etc", "bind /b /etc/d"], ["/etc/d/f", "/absolute/d/e/f", "/etc/d/../f"]),
        (["bind /a /bin", "tmpfs /bin/d"], ["/bin/d", "/bin/d/..", "/bin/d/../../bin/f"]),
        (["bind /root/etc /bin"], ["/bin/f", "/bin/deep/f", "/bin/../f", "/bin/out/f"]),
        (["bind /root /bin"], ["/bin/etc/f", "/bin/absolute/f", "/bin/out/f", "/bin/top/f"]),
    ],
    ids=str,
)
def test_mounts_under_another_root(
    lines: list[str], paths: list[str], tree: str, other_root: str
) -> None:
    # Targets are paths inside, sources are the host's: a plan mounts before it changes its root.
    queue = [entry(line, "") for line in lines]
    made = [
        each.replace(
            target=other_root + each.target,
            **({"source": tree + each.source} if isinstance(each, Mount) else {}),
        )
        for each in queue
    ]
    queue = [
        each.replace(source=tree + each.source) if isinstance(each, Mount) else each
        for each in queue
    ]
    found = inside(made, paths, other_root)
    assert found is not None
    places = Places(Host(), queue, other_root)
    for path, real in zip(paths, found, strict=True):
        place = places.of(path)
        if place.host is None:
            assert real is None or real[0] != os.stat(tree).st_dev
        elif found is not None or ".." not in path:  # of what is not there, .. is not either
            assert of_file(place.host) == real, (path, place)


def test_is_certain_leaves_out_what_is_mounted_on_the_path_itself(tree: str) -> None:
    places = Places(Host(), [Mount("tmpfs", "none", f"{tree}/a")])
    assert places.is_certain(f"{tree}/a")
    assert not places.is_certain(f"{tree}/a/d")
    assert places.is_certain(f"{tree}/b")
    assert Places(Host(), START.mounts).of("/") == Places(Host()).of("/")
