"""Queries: which statements cost much, and what has made them dearer."""
