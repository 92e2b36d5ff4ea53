"""Schema: tables, keys, columns and collations that will make trouble."""
