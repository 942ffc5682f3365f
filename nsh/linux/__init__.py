"""Linux as it is: its tables, its numbers, its calls, its files in /proc. Nothing here knows nsh."""
