"""How early pgvigil warns of a deadlock in drawn workloads, and whether it warns falsely."""
