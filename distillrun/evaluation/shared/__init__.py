"""Code that scorers and metrics share."""
