"""Schema: what a shop's tables should not have (`schema.sql`); all of it is for review."""

PLANTED = (
    "column_types",
    "functional_dependency",
    "repeating_columns",
    "sequence_column_mismatch",
    "table_without_pk",
    "undocumented_duplicate_column",
)
