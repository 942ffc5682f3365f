#!/usr/bin/env nsh
# NET: a network stack of its own.
#
# Run it with -v to see each line above what it prints: nsh -v net.nsh
# Not root? Begin with a user namespace, here as in the other scripts:
#     nsh -c 'flags +user; map root' -c 'source net.nsh'

# What the host has. `!` runs the line on the host, outside of anything new.
!ip a

# What a child in a new net namespace has: none of that. Interfaces, addresses
# and routes belong to a namespace, and a new one starts with a loopback alone.
# The surprise: even that one is DOWN, and 127.0.0.1 is not on it yet.
flags +net
run ip a

# Bringing it up is our own job. Every run gets a new namespace, which ends
# with it, so the two commands share one run. The host's lo stays as it is.
sh ip link set lo up && ip -brief address show lo
