"""Planner: plans of the dearest queries, asked of the server by a login that can only read."""
