"""Students by config: how each comes to be. torch and transformers are imported when one is built."""
