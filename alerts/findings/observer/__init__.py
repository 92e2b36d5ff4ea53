"""The observer: what pgvigil itself can't see or do."""
