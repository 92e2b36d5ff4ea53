"""Log of a server: read from a folder that the server writes, and counted; no text is kept."""
