"""The course: lessons as data, the check of their goals, the learner's progress, the commands."""
