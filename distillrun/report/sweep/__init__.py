"""The page of one or several sweeps: tables, tests and plots from the folders of their jobs."""
