"""Teachers, one in each module: servers, checkpoints on this machine, recordings."""
