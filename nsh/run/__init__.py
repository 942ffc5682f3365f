"""Performing a plan.

perform   the parent's side: start, and launch, which also waits
child     what a forked process does before it becomes the command
running   a run that has been started, and how it ended
wait      signals, stops and the end of its processes; terminal: the one on standard input
"""
