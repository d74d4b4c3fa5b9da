"""What students share."""
