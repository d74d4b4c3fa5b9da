"""Scorers of answers in free form, one in each module."""
