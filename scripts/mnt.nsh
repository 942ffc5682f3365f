#!/usr/bin/env nsh
# MNT: a list of mounts of its own, and no jail.
#
# Run it with -v to see each line above what it prints: nsh -v mnt.nsh

# The first surprise: nothing has changed. A new mnt namespace starts as a copy
# of the host's, so both counts of mounts are the same.
!wc -l < /proc/self/mounts
flags +mnt
sh wc -l < /proc/self/mounts

# It is a copy, though. What is mounted inside stays inside: the tmpfs is there
# in the child, and the host has none. It goes on /mnt, which every system has,
# so there is no directory to make and to remove again.
mount tmpfs /mnt
sh mount | grep 'none on /mnt '
!mount | grep 'none on /mnt ' || echo 'no tmpfs on /mnt here'

# A file on it is for that run only. The next one mounts a new, empty tmpfs.
sh echo 'seen inside' > /mnt/nsh-example; cat /mnt/nsh-example
!cat /mnt/nsh-example 2>/dev/null || echo 'no such file here'

# The second surprise, for who took this for a jail: every file of the host is
# still in reach. Only the mounts are the child's own; for another root there
# are chroot(2) and pivot_root(2).
run ls /
