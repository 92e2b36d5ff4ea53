"""What pgvigil can be told to do: one module, one command, named after it."""
