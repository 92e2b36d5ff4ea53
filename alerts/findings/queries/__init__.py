"""Findings about statements: what they cost, what changed, and what would make them cheaper."""
