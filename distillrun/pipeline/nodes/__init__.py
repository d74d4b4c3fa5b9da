"""The kinds of nodes of a run's graph: what each hashes, needs and tells, around the stage that makes it."""
