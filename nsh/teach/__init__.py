"""What nsh tells of its own accord or when asked: topics, hints, the difference to the host."""
