"""Commands of pgvigil: each module is the command of the same name."""
