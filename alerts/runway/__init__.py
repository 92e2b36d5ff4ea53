"""Runway: what has a wall, how much of it is used, and when the wall is reached."""
