"""Reports of an overview: for a terminal, as Markdown or as JSON."""
