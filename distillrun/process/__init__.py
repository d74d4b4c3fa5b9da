"""The process that a run lives in: interrupts, progress, threads, and the machine."""
