"""Storage: space that tables and indexes take without need."""
