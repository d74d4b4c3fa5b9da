"""Objectives, one in each module: the texts that a student learns, and the loss on its outputs."""
