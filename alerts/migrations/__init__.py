"""Judgement of migrations before they run: what a statement locks, for how long, and for whom."""
