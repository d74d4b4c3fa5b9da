"""Code that students share."""
