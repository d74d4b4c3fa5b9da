"""The index of a folder of runs: what each run and sweep is, how it ended, and where its page is."""
