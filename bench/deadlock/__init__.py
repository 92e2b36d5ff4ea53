"""How early pgvigil warns of a deadlock, and whether it ever warns of one that can't be."""
