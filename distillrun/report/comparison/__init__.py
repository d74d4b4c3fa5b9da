"""Cells of runs compared: statistics of any table, in numbers and in words."""
