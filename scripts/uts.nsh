#!/usr/bin/env nsh
# UTS: a host name of its own.
#
# Run it with -v to see each line above what it prints: nsh -v uts.nsh

# The name of the host. (`hostname` without a name would ask nsh itself.)
!uname -n

# The surprise: in a new uts namespace the name is the same. The new one starts
# with a copy of the old one's values.
flags +uts
run uname -n

# But it is ours to change: inside it is myhostname now,
hostname myhostname
run uname -n

# and the host still has its own.
!uname -n
