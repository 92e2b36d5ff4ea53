"""How a standby is: first whether it is fed at all, then how far it is behind, then why."""
