"""Language models on transformers: tokens, batches, decoding, loading and saving."""
