"""Code that teachers share."""
