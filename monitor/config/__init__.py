"""How settings come together: where they are written, what is said about wrong ones, reload."""
