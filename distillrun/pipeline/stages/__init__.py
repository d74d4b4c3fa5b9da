"""The stages: each reads what it hashes and leaves an artifact that other runs share.

A stage's version is bumped by hand when the meaning of its output changes.
"""
