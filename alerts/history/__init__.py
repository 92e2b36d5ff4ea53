"""History of past answers, in memory and in the state file."""
