"""The jobs of a sweep: their identity, how each runs in a process of its own, and what became of them."""
