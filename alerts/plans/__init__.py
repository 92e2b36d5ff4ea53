"""Plans seen from outside: what a statement costs per call, and why that has changed."""
