"""Pages and tables from plain data: of a run, of a sweep, of any table, and of a run's data."""
