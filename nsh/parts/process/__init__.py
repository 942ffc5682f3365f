"""The process itself: its directory, its environment, and the program that it becomes."""
