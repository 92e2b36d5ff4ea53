"""Users' own checks: a folder of SQL files, read at start and when they change."""
