"""Vacuum: when autovacuum is due, what keeps it from its work, and who keeps dead rows."""
