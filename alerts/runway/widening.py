"""Steps that make a column of integers wider while its table is in use."""

from alerts.cure import identifier, literal, remark


def widen(table: str, schema: str, column: str, sequence: str | None) -> tuple[str, ...]:
    """Return the steps that add a wider column and fill it while the table is in use.

    ALTER COLUMN TYPE would rewrite the table, and all indexes of it, while no session can read it.
    """
    old, new = identifier(column), identifier(f"{column[:56]}_bigint")
    copy = identifier(schema, f"{column[:40]}_to_bigint")
    trigger, check = (
        identifier(f"{column[:50]}_to_bigint"),
        identifier(f"{column[:45]}_bigint_filled"),
    )
    index = identifier(f"{column[:45]}_bigint_key")
    body = literal(f"BEGIN NEW.{new} := NEW.{old}; RETURN NEW; END")
    steps = (
        "Never ALTER COLUMN TYPE on a table that is large or in use: it is rewritten, and blocked.",
        f"1. SET lock_timeout = '2s'; ALTER TABLE {table} ADD COLUMN {new} bigint;",
        f"2. CREATE FUNCTION {copy}() RETURNS pg_catalog.trigger LANGUAGE plpgsql AS {body};",
        f"3. CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW"
        f" EXECUTE FUNCTION {copy}();",
        f"4. In batches of 10,000 or so: UPDATE {table} SET {new} = {old} WHERE {old}"
        f" OPERATOR(pg_catalog.>=) … AND {old} OPERATOR(pg_catalog.<) …;",
        f"5. ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({new} IS NOT NULL) NOT VALID;",
        f"6. ALTER TABLE {table} VALIDATE CONSTRAINT {check};",
        f"7. SET lock_timeout = 0; CREATE UNIQUE INDEX CONCURRENTLY {index} ON {table} ({new});",
        "8. Do the same for every column that refers to this one.",
        "9. In one transaction, with a lock_timeout of 2 s: drop the trigger, exchange the names",
        *_exchange(sequence),
    )
    return tuple(map(remark, steps))


def _exchange(sequence: str | None) -> tuple[str, ...]:
    if sequence is None:
        return (
            "   of both columns, make the new index the key.",
            "10. Drop the old column, and reset lock_timeout.",
        )
    return (
        "   of both columns, move the default or the identity, make the new index the key.",
        f"10. ALTER SEQUENCE {sequence} AS bigint;",
        "11. Drop the old column, and reset lock_timeout.",
    )
