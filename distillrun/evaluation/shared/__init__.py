"""What scorers and metrics share."""
