"""The training of a student: steps, optimizers, schedules and checkpoints."""
