"""The everyday benchmark: a base of facts, questions and rationales made from it, and their wording."""
