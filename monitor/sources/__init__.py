"""Sources of rows that no query of the round gives: files, processes, our own sessions."""
