"""Code that generation steps share."""
