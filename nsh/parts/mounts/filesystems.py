"""The names of file systems: what this kernel knows now, and what kernels know. See filesystems(5)."""

from __future__ import annotations

import os

from nsh.errors import closest
from nsh.linux.procfs import filesystems, read_text

MODULES = frozenset(
    [
        "9p",
        "adfs",
        "affs",
        "afs",
        "apfs",
        "aufs",
        "autofs",
        "bcachefs",
        "befs",
        "bfs",
        "binfmt_misc",
        "bpf",
        "btrfs",
        "ceph",
        "cgroup",
        "cgroup2",
        "cifs",
        "coda",
        "configfs",
        "cpuset",
        "cramfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "dlmfs",
        "ecryptfs",
        "efivarfs",
        "efs",
        "erofs",
        "exfat",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "fuse",
        "fuseblk",
        "fusectl",
        "gfs2",
        "hfs",
        "hfsplus",
        "hpfs",
        "hugetlbfs",
        "iso9660",
        "jffs2",
        "jfs",
        "lustre",
        "minix",
        "mqueue",
        "msdos",
        "ncpfs",
        "nfs",
        "nfs4",
        "nfsd",
        "nilfs2",
        "ntfs",
        "ntfs3",
        "ocfs2",
        "omfs",
        "orangefs",
        "overlay",
        "proc",
        "pstore",
        "qnx4",
        "qnx6",
        "ramfs",
        "reiser4",
        "reiserfs",
        "resctrl",
        "romfs",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "shiftfs",
        "smackfs",
        "smb3",
        "smbfs",
        "squashfs",
        "sysfs",
        "sysv",
        "tmpfs",
        "tracefs",
        "ubifs",
        "udf",
        "ufs",
        "unionfs",
        "v7",
        "vboxsf",
        "vfat",
        "virtiofs",
        "xenfs",
        "xfs",
        "zfs",
        "zonefs",
    ]
)
"""The file systems that are in Linux, or are often added to it: a mount may load their modules."""


def without_device(name: str) -> bool:
    """Whether it is a file system of this kernel that needs no block device."""
    return name in filesystems()[0]


def is_known(name: str) -> bool:
    """Whether this kernel has a file system of that name, or may load one."""
    return name in MODULES or any(name in names for names in filesystems())


def misspelt(name: str) -> str:
    """The file system that a name must have been meant for, "" if that is not sure.

    It is if the name is close to one that is there, and no kernel nor module has a file system of it.
    """
    if not name.isalnum() or is_known(name):  # fuse.NAME is a file system for any NAME
        return ""
    modules = read_text(f"/lib/modules/{os.uname().release}/modules.alias") or ""
    if f"alias fs-{name} " in modules:
        return ""
    there = [each for names in filesystems() for each in names]
    return closest(name, there, 0.75)
