"""Configs: composed, checked, and turned into parts."""
