"""Programs that change the machine: they are proposed with `run` only where that cannot reach it.

What a namespace makes one's own is changed in a new one. What has no namespace is not proposed.
"""

from __future__ import annotations

import re

from nsh.foreign.facts import Answer, Typed, answer
from nsh.words import join

_NET = frozenset(
    [
        "ifconfig",
        "route",
        "iptables",
        "ip6tables",
        "iptables-restore",
        "ip6tables-restore",
        "nft",
        "ipset",
        "ip",
        "bridge",
        "tc",
        "brctl",
        "ethtool",
        "arp",
        "ifup",
        "ifdown",
        "iwconfig",
        "iw",
        "dhclient",
        "dhcpcd",
        "ipvsadm",
        "conntrack",
        "wg",
        "tunctl",
        "arptables",
        "ebtables",
    ]
)
_MNT = frozenset(
    ["mount.fuse", "fusermount", "fusermount3", "switch_root", "mount.nfs", "umount.nfs"]
)
_IPC = frozenset(("ipcrm", "ipcmk"))
_PID = frozenset(("kill", "killall", "pkill", "killall5", "skill", "fuser", "renice"))

_MACHINE = frozenset(
    [
        "reboot",
        "shutdown",
        "poweroff",
        "halt",
        "telinit",
        "kexec",
        "insmod",
        "rmmod",
        "modprobe",
        "depmod",
        "swapoff",
        "swapon",
        "losetup",
        "hwclock",
        "adjtimex",
        "ntpdate",
        "chronyc",
        "timedatectl",
        "hostnamectl",
        "localectl",
        "systemctl",
        "service",
        "loginctl",
        "machinectl",
        "systemd-run",
        "mkfs",
        "mkswap",
        "fdisk",
        "sfdisk",
        "parted",
        "dmsetup",
        "cryptsetup",
        "mdadm",
        "blkdiscard",
        "wipefs",
        "setenforce",
        "aa-teardown",
        "apparmor_parser",
        "update-grub",
        "grub-install",
        "quotaon",
        "quotaoff",
        "zramctl",
        "udevadm",
        "nmcli",
        "networkctl",
        "resolvectl",
        "ufw",
        "firewall-cmd",
    ]
)
"""What acts on the machine, by itself or through a service of the host."""

_LOOKS = frozenset(("show", "list", "ls", "lst", "l", "s", "get", "help"))
"""The second word of a line of ip(8), bridge(8) or tc(8) that changes nothing."""

_ONLY_LOOKS = {
    "systemctl": "status show cat is-active is-enabled list-units list-unit-files list-timers",
    "loginctl": "list-sessions list-users show-session session-status",
    "timedatectl": "status show",
    "hostnamectl": "status",
    "localectl": "status",
    "losetup": "-a -l --all --list",
    "swapon": "-s --show --summary",
    "fdisk": "-l --list",
    "sfdisk": "-l --list -d --dump",
    "hwclock": "-r --show",
    "udevadm": "info",
    "dmsetup": "ls info status",
    "networkctl": "list status",
    "resolvectl": "status",
}
"""The first words by which programs of the machine only look; without words most of these do, too."""

_WRITES = re.compile(r"(?:>|\bof=|\btee(?:\s+-a)?)\s*['\"]?(/(?:proc|sys|dev)/[^\s'\"]+)")
_DEVICES = re.compile(r"/dev/(?:sd|vd|hd|xvd|nvme|mmcblk|dm-|md|loop|mem|kmem|port)")

_SYSCTLS = {
    "net.": "net",
    "kernel.hostname": "uts",
    "kernel.domainname": "uts",
    "kernel.shm": "ipc",
    "kernel.msg": "ipc",
    "kernel.sem": "ipc",
    "fs.mqueue.": "ipc",
}
"""What of sysctl(8) belongs to a namespace."""


def reaching(name: str, rest: list[str], typed: Typed) -> Answer | None:
    """What to type for a program that would change the machine, None for one that would not."""
    program = name.rpartition("/")[2]
    if program == "hostnamectl" and rest[:1] in (["set-hostname"], ["hostname"]) and rest[1:]:
        why = "it asks a service of the host; the name inside is a line here"
        return answer(name, why, *typed.new("uts"), join(["hostname", rest[1]]))
    if place := _WRITES.search(typed.line):
        return _written(name, place[1], typed)
    looks = _ONLY_LOOKS.get(program)
    if looks is not None and (not rest or rest[0] in looks.split()):
        return None
    if program in _MACHINE or program.startswith("mkfs."):
        return _of_the_machine(name)
    if program == "date":
        sets = [word for word in rest if word.startswith(("-s", "--set")) or word.isdigit()]
        return _of_the_machine(name, "time") if sets else None
    if program == "sysctl":
        return _sysctl(name, rest, typed)
    if program == "dmesg":
        clears = any(word in ("-C", "-c", "--clear", "--read-clear") for word in rest)
        return _of_the_machine(name) if clears else None
    kind = _kind(program, rest)
    if not kind or typed.has(kind):
        return None
    return answer(
        name,
        f"a run would change the host's own {kind} namespace; in a new one it does not",
        *typed.new(kind),
        typed.as_typed(),
    )


def _kind(program: str, rest: list[str]) -> str:
    """The kind of namespace that such a program changes with these words, "" if it changes none."""
    if program in _MNT:
        return "mnt"
    if program in _IPC:
        return "ipc"
    if program == "fuser":
        return "pid" if any(word[:2] == "-k" for word in rest) else ""
    if program in _PID:
        return "" if any(word in ("-l", "-L", "--list") for word in rest) else "pid"
    return "net" if program in _NET and not _looks_at_net(program, rest) else ""


def _looks_at_net(program: str, rest: list[str]) -> bool:
    """Whether a program of the network certainly changes nothing with these words."""
    words = [word for word in rest if not word.startswith("-")]
    options = [word for word in rest if word.startswith("-")]
    match program:
        case "ip" | "bridge" | "tc":
            batch = any(word.startswith(("-b", "--b")) and "br" not in word for word in options)
            return not batch and (len(words) < 2 or words[1] in _LOOKS)
        case "nft" | "ipset" | "wg" | "brctl":
            return words[:1] in (["list"], ["show"]) or not rest
        case "iptables" | "ip6tables" | "arptables" | "ebtables":
            return any(word in ("-L", "-S") for word in options) and "-Z" not in options
        case "ifconfig" | "iwconfig":
            return len(words) < 2
        case "route":
            return not words
        case "arp":
            return not {"-d", "-s", "-f"} & set(options)
        case "ethtool":
            return len(words) < 2 and set(options) <= {
                "-i",
                "-k",
                "-S",
                "-a",
                "-c",
                "-g",
                "-l",
                "-P",
            }
    return False


def _written(name: str, path: str, typed: Typed) -> Answer | None:
    """A file of the kernel that a line of a shell writes."""
    if path.startswith("/proc/sys/"):
        return _by_sysctl(name, [path.removeprefix("/proc/sys/").replace("/", ".")], typed)
    if path.startswith("/sys/") or path == "/proc/sysrq-trigger" or _DEVICES.match(path):
        return _of_the_machine(name)
    return None


def _sysctl(name: str, rest: list[str], typed: Typed) -> Answer | None:
    sets = [word for word in rest if "=" in word and not word.startswith("--")]
    if not sets and not any(word in ("-w", "-p", "--write", "--load", "--system") for word in rest):
        return None
    return _by_sysctl(name, [word.partition("=")[0].replace("/", ".") for word in sets], typed)


def _by_sysctl(name: str, keys: list[str], typed: Typed) -> Answer | None:
    """What to type for a change of these settings of sysctl(8)."""
    kinds = [kind for key in keys for start, kind in _SYSCTLS.items() if key.startswith(start)]
    if len(kinds) < len(keys) or not keys:
        return _of_the_machine(name)
    lacks = [kind for kind in dict.fromkeys(kinds) if not typed.has(kind)]
    if not lacks:
        return None
    return answer(
        name,
        f"a run would change the host's own {lacks[0]} namespace; in a new one it does not",
        *typed.new(*lacks),
        typed.as_typed(),
    )


def _of_the_machine(name: str, topic: str = "namespace") -> Answer:
    return answer(
        name,
        "it acts on the whole machine, which no namespace keeps from a run; where it is meant, !"
        " runs it on the host",
        f"explain {topic}",
    )
