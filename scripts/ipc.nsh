#!/usr/bin/env nsh
# IPC: message queues, semaphores and shared memory of its own.
#
# Run it with -v to see each line above what it prints: nsh -v ipc.nsh

# Make a message queue on the host. Its id goes into a file, so that the last
# line removes this queue and no other. nsh is the parent of each of these sh:
# $PPID is its process id, and no other nsh takes the same name.
!d=${TMPDIR:-/tmp}/ipc.nsh.$PPID; mkdir -m 700 $d && ipcmk -Q | tee $d/queue

# A child without an ipc namespace of its own sees the queue,
run ipcs -q

# and one with its own sees none: the list is empty.
flags +ipc
run ipcs -q

# Remove the queue again. It was on the host all the time.
!d=${TMPDIR:-/tmp}/ipc.nsh.$PPID; ipcrm -q $(tr -cd 0-9 < $d/queue); s=$?; rm -r $d; exit $s
