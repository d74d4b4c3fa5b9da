"""Students by config. torch and transformers are imported when one is built."""
