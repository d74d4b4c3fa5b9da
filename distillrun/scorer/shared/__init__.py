"""Code that scorers share."""
