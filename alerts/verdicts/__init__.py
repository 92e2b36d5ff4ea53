"""Verdicts: how findings stand over time, what mutes them, and what explains them."""
