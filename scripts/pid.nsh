#!/usr/bin/env nsh
# PID: process ids of its own. The surprising one.
#
# Run it with -v to see each line above what it prints: nsh -v pid.nsh

# In a new pid namespace the first process is PID 1.
flags +pid
sh echo "I am PID $$"

# The first surprise: ps still lists the host's processes (here the first few).
# It reads /proc, and what /proc shows was settled when it was mounted: the
# processes of the host's pid namespace.
sh ps aux | head -n 4

# The second: by that /proc the child is not even PID 1. A process has one id in
# its own pid namespace and another in each one further out.
sh read -r id rest < /proc/self/stat; echo "PID $$ inside, PID $id on the host"

# So mount a new proc, which shows the namespace of who mounts it; and take a
# new mnt namespace with it, or the host would lose its own /proc. The old proc
# may stay below the new one. (`umount /proc` first works too, but not where
# other mounts lie on it, nor in a user namespace, where the old one is locked.)
flags +mnt
mount proc /proc
run ps aux
