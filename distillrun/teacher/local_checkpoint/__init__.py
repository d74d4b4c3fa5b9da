"""A checkpoint on this machine as a teacher: prompts, batches, and the model itself."""
