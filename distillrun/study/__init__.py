"""A study in which people rate explanations: its questionnaires, and what their answers say."""
