"""Tasks, one in each module: benchmarks, and readers of a user's own files."""
