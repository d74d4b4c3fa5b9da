"""What scorers share; nothing here is an option."""
