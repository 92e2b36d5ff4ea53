"""Sessions and connections."""
