"""What generation steps share."""
