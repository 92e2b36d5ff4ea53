"""Reports of backup tools: read from a folder that others write, in a thread of their own."""
