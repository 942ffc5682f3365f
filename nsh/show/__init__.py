"""Plans, traces and namespaces as text."""
