"""Programs that change the machine: they are proposed with `run` only where that cannot reach it.

What a namespace makes one's own is changed in a new one. What has no namespace is not proposed.
"""

from __future__ import annotations

from nsh.foreign.facts import Answer, Typed, answer
from nsh.linux.namespaces import BY_NAME
from nsh.words import join

_LOOKS = frozenset(("show", "list", "ls", "l", "s", "get", "help", "monitor", "-h", "--help", "-V"))

_NET = frozenset(
    [
        "ip",
        "ifconfig",
        "route",
        "iptables",
        "ip6tables",
        "iptables-restore",
        "nft",
        "ipset",
        "tc",
        "bridge",
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
        "nmcli",
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
    ]
)

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
    if program in _PID:
        return "" if any(word in ("-l", "-L", "--list") for word in rest) else "pid"
    if program not in _NET:
        return ""
    words = [word for word in rest if not word.startswith("-")]
    if program in ("ip", "bridge", "tc", "nft"):
        return "" if len(words) < 2 or not _LOOKS.isdisjoint(words[1:]) else "net"
    if program in ("iptables", "ip6tables") and any(word in ("-L", "-S") for word in rest):
        return ""
    return "net" if len(words) > 1 or program not in ("ifconfig", "route", "arp", "ethtool") else ""


def _sysctl(name: str, rest: list[str], typed: Typed) -> Answer | None:
    sets = [word for word in rest if "=" in word and not word.startswith("--")]
    if not sets and not any(word in ("-w", "-p", "--write", "--load", "--system") for word in rest):
        return None
    kinds = [
        kind
        for word in sets
        for start, kind in _SYSCTLS.items()
        if word.replace("/", ".").startswith(start)
    ]
    if len(kinds) < len(sets) or not sets:
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
    assert topic == "namespace" or topic in BY_NAME
    return answer(
        name,
        "it acts on the whole machine, which no namespace keeps from a run; where it is meant, !"
        " runs it on the host",
        f"explain {topic}",
    )
