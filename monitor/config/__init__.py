"""Configuration: reading, validating, documenting and reloading the settings."""
