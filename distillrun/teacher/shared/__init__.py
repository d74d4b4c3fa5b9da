"""What teachers share."""
