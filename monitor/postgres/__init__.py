"""The guarded conversation with one PostgreSQL server: few sessions, deadlines, no harm."""
