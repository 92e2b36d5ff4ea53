"""State of a standby: whether WAL reaches it, how far it is behind, and why."""
