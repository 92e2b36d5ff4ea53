"""Users' own checks: a folder of SQL files, read at start."""
