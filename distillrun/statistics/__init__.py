"""Intervals and tests: pure functions on numbers and tables."""
