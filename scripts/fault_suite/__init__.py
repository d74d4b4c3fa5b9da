"""Faults that a run has to survive, made for real on the command line."""
