"""The commands that are not about one part of the state: running, looking, going back, the manual."""
