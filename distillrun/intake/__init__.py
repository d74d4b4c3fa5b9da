"""A user's files, looked at before there is a config: which task fits them, and what is in them."""
