"""No line is proposed that changes the machine: only in a namespace that the state has or gets."""

from __future__ import annotations

import pytest

from nsh.shell import Shell
from tests import needs
from tests.conftest import nsh
from tests.lines import Told, say

OF_A_KIND = {
    "pivot_root /mnt /mnt/old": "mnt",
    "ip link set lo down": "net",
    "ip addr add 10.0.0.1/24 dev lo": "net",
    "/sbin/ifconfig lo down": "net",
    "iptables -F": "net",
    "sysctl -w net.ipv4.ip_forward=1": "net",
    "sysctl kernel.hostname=x": "uts",
    "hostnamectl set-hostname x": "uts",
    "ipcrm -a": "ipc",
    "kill -9 1": "pid",
    "killall sh": "pid",
    "fuser -k /mnt": "pid",
    "ip -batch x": "net",
    "ip link set show down": "net",
    "nft -f x": "net",
    "arp -d 10.0.0.1": "net",
    "ethtool -r eth0": "net",
    "echo x > /proc/sys/kernel/hostname": "uts",
    "echo 1 | tee /proc/sys/net/ipv4/ip_forward": "net",
}
OF_THE_MACHINE = (
    "reboot",
    "/sbin/reboot -f",
    "sudo shutdown -h now",
    "swapoff -a",
    "insmod x.ko",
    "rmmod x",
    "date -s 12:00",
    "sysctl vm.swappiness=1",
    "sysctl --system",
    "systemctl poweroff",
    "dmesg -C",
    "hostnamectl set-chassis vm",
    "nmcli con up x",
    "losetup /dev/loop0 x",
    "echo 1 > /proc/sys/vm/drop_caches",
    "echo b >/proc/sysrq-trigger",
    "echo 1 > /sys/power/state",
    "dd if=/dev/zero of=/dev/sda bs=1M",
)
LOOKING = (
    "ip a",
    "ip link show",
    "ip -br addr",
    "ip route get 127.0.0.1",
    "ifconfig lo",
    "iptables -t nat -L -n",
    "date",
    "date +%s",
    "dmesg",
    "kill -l",
    "sysctl -a",
    "sysctl kernel.hostname",
    "systemctl status",
    "hostnamectl",
    "losetup -a",
    "fuser /mnt",
)


@pytest.mark.parametrize("line", OF_A_KIND)
def test_what_a_namespace_keeps_is_proposed_in_a_new_one(capsys: Told, line: str) -> None:
    shell = Shell()
    shell.host._capabilities = (1 << 40) - 1
    assert say(capsys, line, shell=shell)[2] == 2
    flags, *rest = shell.fixes
    assert flags == f"flags +{OF_A_KIND[line]}"
    assert rest
    assert not [fix for fix in rest if fix.startswith("!")]
    say(capsys, flags, line, shell=shell)
    assert not [fix for fix in shell.fixes if fix.startswith("flags")]


@pytest.mark.parametrize("line", OF_A_KIND)
def test_an_ordinary_user_gets_it_in_a_user_namespace(capsys: Told, line: str) -> None:
    shell = Shell()
    shell.host._capabilities = 0
    say(capsys, line, shell=shell)
    assert shell.fixes[:2] == (f"flags +user +{OF_A_KIND[line]}", "map root")


@pytest.mark.parametrize("line", OF_THE_MACHINE)
@pytest.mark.parametrize("flags", ["", "flags +all"])
def test_what_no_namespace_keeps_is_not_proposed(capsys: Told, line: str, flags: str) -> None:
    shell = Shell()
    errors, status = say(capsys, *[flags] * bool(flags), line, shell=shell)[1:]
    assert status == 2
    assert "the whole machine" in errors[0]
    [fix] = shell.fixes
    assert fix in ("explain namespace", "explain time")
    assert say(capsys, fix)[2] == 0


@pytest.mark.parametrize("line", LOOKING)
def test_what_only_looks_is_run(capsys: Told, line: str) -> None:
    shell = Shell()
    say(capsys, line, shell=shell)
    assert shell.fixes in ((f"run {line}",), ("help",))  # where there is no such program


@needs.NAMESPACES
@needs.program("pivot_root")
def test_pivot_root_as_it_is_proposed_leaves_the_host_its_root(capsys: Told) -> None:
    shell = Shell()
    say(capsys, "pivot_root /usr /usr/src", shell=shell)
    done = nsh(stdin="\n".join(shell.fixes))
    assert (done.returncode, done.stderr) == (0, "")
    assert "bin" in done.stdout.split()
    assert "proc" not in done.stdout.split()
