"""The plan of a run: the order of its calls, what forbids it, and why one of its calls failed.

order.py is the one place that knows the order; guard.py and diagnose.py ask the parts.
"""
