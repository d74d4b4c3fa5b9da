"""Scoring rules and metrics, one in each module."""
