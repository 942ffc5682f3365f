"""Performing a plan: the parent's side (launch), the child's (child), signals and the wait (wait)."""
