"""Texts: templates, cleaning, refusals, and how values are shown."""
