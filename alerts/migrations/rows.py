"""Failures that only rows decide: statements that would fail on them, as far as statistics tell."""

from collections.abc import Iterator

from alerts.migrations.advice import Advice, Level
from alerts.migrations.cast import cut_to, may_refuse
from alerts.migrations.live import LiveServer, LiveTable
from alerts.migrations.new_column import lacks_value
from alerts.migrations.statement import Action
from alerts.migrations.traced import Traced
from alerts.units import share_text

MUST_HOLD = {
    "CONSTR_CHECK": "whether all rows satisfy the CHECK",
    "CONSTR_FOREIGN": "whether all rows have a row that they refer to",
    "CONSTR_EXCLUSION": "whether no two rows conflict",
}


def refused_by_rows(traced: Traced, live: LiveServer | None) -> Iterator[Advice]:
    """Yield what the rows of the live tables would refuse, or that it is not known."""
    if live is None or traced.failure or traced.created:
        return
    for action in traced.statement.actions:
        table = _target(traced, live)
        if table is not None and _has_rows(traced, table, live):
            yield from _of_action(action, table)
            if action.kind == "AT_AddColumn" and (traced.scanned or traced.rewritten):
                yield from _without_default(action, table, traced)
            if traced.rewritten or traced.scanned:
                yield from _of_type(action, table)
    if traced.statement.node == "IndexStmt" and traced.statement.body.get("unique"):
        columns = [
            part.get("IndexElem", {}).get("name", "")
            for part in traced.statement.body.get("indexParams", ())
        ]
        if (table := _target(traced, live)) and _has_rows(traced, table, live):
            yield _duplicates(columns, table)


def _of_action(action: Action, table: LiveTable) -> Iterator[Advice]:
    found = action.definition
    contype = str(found.get("contype", ""))
    if action.kind == "AT_SetNotNull" and action.column:
        yield from _nulls(action.column, table)
    if action.kind == "AT_ValidateConstraint":
        yield Advice(
            "Where a row violates it, it fails after the scan, with nothing changed: mend the rows,"
            " and run it again."
        )
    if action.kind != "AT_AddConstraint":
        return
    if contype in ("CONSTR_UNIQUE", "CONSTR_PRIMARY") and "indexname" not in found:
        keys = [part["String"]["sval"] for part in found.get("keys", ())]
        yield _duplicates(keys, table)
        if contype == "CONSTR_PRIMARY":
            for key in keys:
                yield from _nulls(key, table)
    elif contype == "CONSTR_NOTNULL" and not found.get("skip_validation"):
        for part in found.get("keys", ()):
            yield from _nulls(part["String"]["sval"], table)
    elif contype in MUST_HOLD and not found.get("skip_validation"):
        yield Advice(
            f"Not known: {MUST_HOLD[contype]}; if not, it fails after the scan.",
            level=Level.unknown,
        )


def _without_default(action: Action, table: LiveTable, traced: Traced) -> Iterator[Advice]:
    """A new column that must not be NULL, and is so in all rows that are there."""
    name = action.definition.get("colname")
    if name in traced.refused:
        yield Advice(
            f"{table.relation} has rows, and the new column {name} has no default and a domain as"
            " its type that takes no NULL: it will fail. Add it with the type below the domain,"
            " let the application write it, fill the old rows in batches with a COMMIT after each,"
            " then add what the domain demands as a CHECK, NOT VALID, and VALIDATE it.",
            level=Level.danger,
        )
    elif lacks_value(action) and name not in traced.filled:
        yield Advice(
            f"{table.relation} has rows, and the new column {name} has no"
            " default and must not be NULL: it will fail. Add it without NOT NULL, let the"
            " application write it, fill the old rows in batches with a COMMIT after each, then SET"
            " NOT NULL.",
            level=Level.danger,
        )


def _of_type(action: Action, table: LiveTable) -> Iterator[Advice]:
    """A new type that computes each value anew; of a column of this file nothing is there yet."""
    column = action.column
    if action.kind != "AT_AlterColumnType" or column is None:
        return
    source = table.types.get(column)
    if table.types and source is None:
        return
    if source and (limit := cut_to(action, source)):
        yield Advice(
            f"USING cuts each value of {column} that is longer than {limit} characters, without an"
            f" error: the rest is lost. If there are any (WHERE length({column}::text) > {limit}),"
            " decide about them before; without a USING that casts, it fails instead.",
            level=Level.danger,
        )
    if may_refuse(action, source):
        yield Advice(
            f"Not known: whether each value of {column} can become one of the new type;"
            " if not, it fails after a part of the rewrite.",
            level=Level.unknown,
        )


def _nulls(column: str, table: LiveTable) -> Iterator[Advice]:
    share = table.null_shares.get(column)
    if share:
        yield Advice(
            f"{column} is NULL in about {share_text(share)} of the rows: it will fail.",
            level=Level.danger,
        )
    elif share is None:
        yield Advice(
            f"Not known: whether {column} has NULLs, as it has no statistics.",
            level=Level.unknown,
        )
    else:
        yield Advice(f"ANALYZE has seen no NULL in {column}; a few may still be there.")


def _duplicates(columns: list[str], table: LiveTable) -> Advice:
    if len(columns) == 1 and table.repeated.get(columns[0]):
        return Advice(
            f"{columns[0]} has values that occur more than once: it will fail.", level=Level.danger
        )
    named = ", ".join(columns)
    return Advice(
        f"Not known: whether {named} has duplicates; if so, it fails after the build.",
        level=Level.unknown,
    )


def _has_rows(traced: Traced, table: LiveTable, live: LiveServer) -> bool:
    """Whether it has rows as far as is known; those of a partitioned table are its partitions'."""
    if table.rows != 0:
        return True
    parts = [held for held in traced.locks if held.table != table.relation]
    if not any(held.kind == "p" and held.table == table.relation for held in traced.locks):
        return False
    return any(live.tables[held.table].rows != 0 for held in parts if held.table in live.tables)


def _target(traced: Traced, live: LiveServer) -> LiveTable | None:
    found = traced.table_named({name.name for name in traced.statement.tables[:1]})
    return live.tables.get(found) if found else None
