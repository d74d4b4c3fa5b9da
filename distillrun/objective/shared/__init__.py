"""Code that objectives share."""
