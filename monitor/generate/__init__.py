"""Generated files: what is committed and rendered from the code."""
