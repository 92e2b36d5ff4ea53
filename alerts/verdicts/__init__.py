"""Verdicts: state of findings over time, mutes, and causes."""
