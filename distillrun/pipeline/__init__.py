"""A run: its stages, from the questions to the scores, and the folder that it leaves."""
