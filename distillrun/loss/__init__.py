"""Losses and distributions over tokens: the arithmetic that objectives share."""
