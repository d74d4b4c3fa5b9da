"""The names of parts."""
