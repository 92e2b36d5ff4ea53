"""Reports: one look, written for a terminal, as Markdown or as JSON."""
