#!/usr/bin/env nsh
# USER: user and group ids of its own. The one that needs no root.
#
# Run it with -v to see each line above what it prints: nsh -v user.nsh

# Who runs this, and whose directory is /?
!id
!ls -ld /

# The surprise: in a new user namespace we are nobody, and so is every owner. No
# id inside stands for one outside yet, and what has no id shows as the
# overflow id, 65534.
flags +user
run id
run ls -ld /

# With a map we are somebody: id 0 inside is our own id outside. The file has
# three numbers: the first id inside, the first outside, and how many.
map root
run id
run cat /proc/self/uid_map

# Root of this namespace has root's powers over what belongs to it, such as a
# new host name. Outside, it is still who started it: files of others stay
# out of reach, and the host keeps its name.
flags +uts
hostname myhostname
run uname -n
!uname -n
