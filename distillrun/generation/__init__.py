"""Generation steps, one in each module: what a teacher is asked for, and what is kept of its answers."""
