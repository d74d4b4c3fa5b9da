"""Trackers, one in each module: where metrics go in addition to the run folder."""
