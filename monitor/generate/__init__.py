"""Generated files that are committed to the repository."""
