"""The plan of a run: what it would do, ask and cost, computed before any of it is done."""
