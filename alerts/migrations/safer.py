"""Safer forms: the same change in steps that don't hold strong locks for long."""

import re
from collections.abc import Iterator, Mapping

from alerts.cure import identifier
from alerts.migrations.advice import Advice, Level
from alerts.migrations.kind import Kind, kind
from alerts.migrations.live import LiveServer
from alerts.migrations.lock_mode import Blocked
from alerts.migrations.statement import Action, Statement, Tree, constraints, parts
from alerts.migrations.traced import Relation, Traced
from alerts.units import duration_text

CHECKED = {
    "CONSTR_CHECK": "a CHECK",
    "CONSTR_FOREIGN": "a FOREIGN KEY",
    "CONSTR_NOTNULL": "a NOT NULL constraint",
}
INDEX = re.compile(r"create\s+(?:unique\s+)?index\b", re.IGNORECASE)
DETACH = (
    "DETACH PARTITION ... CONCURRENTLY does not block queries on the parent. Beside a DEFAULT"
    " partition PostgreSQL refuses it: then keep the wait short by a lock_timeout, in a transaction"
    " of its own."
)
MORE = ("partspec", "tableElts", "options", "tablespacename", "accessMethod", "if_not_exists")
"""What LIKE and ATTACH PARTITION do not take over."""
PERMANENT = "p"
COMMENT = re.compile(r"--|/\*")
"""What may be a comment: it could swallow what is printed behind it."""
BOUND = re.compile(r"\bfor\s+values\b[^;]*\)", re.IGNORECASE)
UNIQUE = {"CONSTR_UNIQUE": "UNIQUE", "CONSTR_PRIMARY": "PRIMARY KEY"}


def safer(traced: Traced, live: LiveServer | None) -> Iterator[Advice]:
    """Yield the safer forms of what takes long under a lock; nothing for tables of the file."""
    statement = traced.statement
    if traced.created:
        return
    if kind(traced) in (Kind.scan, Kind.rewrite, Kind.index_build):
        for action in statement.actions:
            yield from _of_action(traced, action, live)
        yield from _of_statement(traced)
    elif statement.node == "DropStmt" and statement.body.get("removeType") == "OBJECT_INDEX":
        yield from _drop_index(traced)
    elif not statement.is_concurrent and any(
        action.kind == "AT_DetachPartition" for action in statement.actions
    ):
        yield Advice(DETACH)
    if statement.node == "CreateStmt" and statement.body.get("partbound"):
        yield _attach(statement)


def _attach(statement: Statement) -> Advice:
    """CREATE TABLE ... PARTITION OF locks out all sessions of the parent."""
    parent, name = (
        identifier(*filter(None, (one.get("schemaname"), one.get("relname"))))
        for one in (statement.body["inhRelations"][0]["RangeVar"], statement.body["relation"])
    )
    bound = BOUND.search(statement.text)
    permanent = statement.body["relation"].get("relpersistence") == PERMANENT
    plain = permanent and not any(statement.body.get(more) for more in MORE)
    return Advice(
        "ATTACH PARTITION of a table that was made alone lets reads and writes of the parent go on."
        " A DEFAULT partition is locked and read all the same, unless a validated CHECK of it"
        " excludes the new bounds.",
        (
            f"CREATE TABLE {name} (LIKE {parent} INCLUDING ALL EXCLUDING IDENTITY);",
            "SET lock_timeout = '2s';",
            f"ALTER TABLE {parent} ATTACH PARTITION {name} {bound[0]};",
            "RESET lock_timeout;",
        )
        if plain and bound and not COMMENT.search(statement.text)
        else (),
    )


def _of_action(traced: Traced, action: Action, live: LiveServer | None) -> Iterator[Advice]:
    table = _target(traced)
    if table is None:
        return
    if action.kind == "AT_SetNotNull" and action.column:
        yield _set_not_null(table, action.column)
    elif action.kind == "AT_AddConstraint":
        yield from _add_constraint(traced, table, action)
    elif action.kind == "AT_AddColumn":
        yield from _add_column(traced, action, live)
    elif action.kind == "AT_AlterColumnType":
        yield _change_type(action)
    elif action.kind == "AT_AttachPartition":
        yield Advice(
            "Add a CHECK constraint with the bounds of the partition before, NOT VALID, and"
            " VALIDATE it: then ATTACH PARTITION need not read the table. A DEFAULT partition is"
            " read and locked too, unless a CHECK of it excludes the new bounds."
        )
    elif action.kind in (
        "AT_SetTableSpace",
        "AT_SetLogged",
        "AT_SetUnLogged",
        "AT_SetAccessMethod",
    ):
        yield Advice("It copies the whole table under the lock; plan a maintenance window.")


def _set_not_null(table: Relation, column: str) -> Advice:
    name = identifier(f"{column}_not_null"[:63])
    where, quoted = identifier(*table), identifier(column)
    return Advice(
        "A validated CHECK proves that there is no NULL, so SET NOT NULL need not read the table."
        " Run each statement in a transaction of its own.",
        (
            "SET lock_timeout = '2s';",
            f"ALTER TABLE {where} ADD CONSTRAINT {name} CHECK ({quoted} IS NOT NULL) NOT VALID;",
            f"ALTER TABLE {where} VALIDATE CONSTRAINT {name};",
            f"ALTER TABLE {where} ALTER COLUMN {quoted} SET NOT NULL;",
            f"ALTER TABLE {where} DROP CONSTRAINT {name};",
            "RESET lock_timeout;",
        ),
    )


def _in_two_steps(statement: Statement, where: str, found: Tree) -> tuple[str, ...]:
    """Write both steps, where it is the only action and the constraint has a name."""
    if len(statement.actions) != 1 or not found.get("conname"):
        return ()
    return (
        "SET lock_timeout = '2s';",
        f"{statement.text}\nNOT VALID;",
        f"ALTER TABLE {where} VALIDATE CONSTRAINT {identifier(str(found['conname']))};",
        "RESET lock_timeout;",
    )


def _add_constraint(traced: Traced, table: Relation, action: Action) -> Iterator[Advice]:
    found = action.definition
    contype = str(found.get("contype", ""))
    where = identifier(*table)
    if contype in CHECKED and not found.get("skip_validation"):
        yield Advice(
            f"Add {CHECKED[contype]} as NOT VALID, and VALIDATE it in a transaction of its own:"
            " that reads the table without blocking writers.",
            _in_two_steps(traced.statement, where, found),
        )
    elif contype in UNIQUE and "indexname" not in found:
        yield _unique(where, contype, found, _is_partitioned(traced))
    elif contype == "CONSTR_EXCLUSION":
        yield Advice("An EXCLUDE constraint has no form that builds its index CONCURRENTLY.")


def _unique(where: str, contype: str, found: Tree, is_partitioned: bool) -> Advice:
    if found.get("without_overlaps"):
        return Advice(
            "A constraint WITHOUT OVERLAPS has no form that builds its index CONCURRENTLY."
        )
    if is_partitioned:
        return Advice(
            "On a partitioned table: add it to ONLY the parent; on each partition build the index"
            " CONCURRENTLY and let a constraint take it over; then ALTER INDEX ... ATTACH PARTITION"
            " for each."
        )
    keys = _names(found, "keys")
    name = found.get("conname") or "_".join((*keys, "key"))
    index, columns = identifier(name), ", ".join(map(identifier, keys))
    return Advice(
        "Build the index first without blocking writers, outside a transaction; the constraint then"
        " takes it over in a moment"
        + (" (if the columns are NOT NULL)." if contype == "CONSTR_PRIMARY" else "."),
        (
            f"CREATE UNIQUE INDEX CONCURRENTLY {index} ON {where} ({columns}){_of_index(found)};",
            "SET lock_timeout = '2s';",
            f"ALTER TABLE {where} ADD CONSTRAINT {index} {UNIQUE[contype]} USING INDEX {index}"
            f"{_when_checked(found)};",
            "RESET lock_timeout;",
        )
        if not found.get("options")
        else (),
    )


def _of_index(found: Tree) -> str:
    """Write what a constraint says of its index, besides the columns."""
    included = ", ".join(map(identifier, _names(found, "including")))
    place = found.get("indexspace")
    return (
        (f" INCLUDE ({included})" if included else "")
        + (" NULLS NOT DISTINCT" if found.get("nulls_not_distinct") else "")
        + (f" TABLESPACE {identifier(place)}" if place else "")
    )


def _when_checked(found: Tree) -> str:
    deferrable = " DEFERRABLE" if found.get("deferrable") else ""
    return deferrable + (" INITIALLY DEFERRED" if found.get("initdeferred") else "")


def _names(found: Tree, key: str) -> list[str]:
    return [part["String"]["sval"] for part in found.get(key, ())]


def _is_partitioned(traced: Traced) -> bool:
    return any(held.kind == "p" for held in traced.locks)


def _add_column(traced: Traced, action: Action, live: LiveServer | None) -> Iterator[Advice]:
    kinds = dict(constraints(action.definition))
    if kind(traced) is Kind.rewrite:
        if "CONSTR_GENERATED" in kinds or "CONSTR_IDENTITY" in kinds:
            virtual = " From PostgreSQL 18 on a VIRTUAL column needs no rewrite."
            yield Advice(
                "A stored generated or identity column rewrites the table. Add a plain column, fill"
                " it in batches, and keep it up to date by a trigger or DEFAULT."
                + (virtual if live is None or live.major >= 18 else "")
            )
        elif _may_rewrite(traced.statement, action, kinds):
            yield Advice(
                "A default that differs for each row rewrites the table. Add the column without it,"
                " then ALTER COLUMN ... SET DEFAULT, then fill the old rows in batches, with a"
                " COMMIT after each."
            )
    for name in ("CHECK", "FOREIGN KEY"):
        if name in kinds and kind(traced) is Kind.scan:
            yield Advice(
                f"Add the column alone, then the {name} as NOT VALID, then VALIDATE CONSTRAINT in a"
                " transaction of its own."
            )
    if {"UNIQUE", "PRIMARY KEY"} & kinds.keys():
        yield Advice(
            "Add the column alone, build the unique index CONCURRENTLY, then add the constraint"
            " with USING INDEX."
        )


def _may_rewrite(statement: Statement, action: Action, kinds: Mapping[str, Tree]) -> bool:
    """Whether this column is why the table is rewritten: a constant default is not."""
    default = kinds.get("CONSTR_DEFAULT", {}).get("raw_expr", {})
    while "TypeCast" in default:
        default = default["TypeCast"].get("arg", {})
    if "A_Const" in default:
        return False
    is_serial = any("serial" in str(name) for name in parts(action.definition, "String"))
    return bool(default) or is_serial or len(statement.actions) == 1


def _change_type(action: Action) -> Advice:
    column = identifier(action.column or "column")
    return Advice(
        f"Changing the type of {column} rewrites the table, or reads all of it. Expand and contract"
        " instead: add a new column of that type, keep it up to date by a trigger, fill it in"
        " batches, switch the application, and drop the old column in a later release."
    )


def _of_statement(traced: Traced) -> Iterator[Advice]:
    statement = traced.statement
    if statement.node == "IndexStmt" and not statement.is_concurrent:
        yield from _create_index(traced)
    elif statement.node == "ReindexStmt" and not statement.is_concurrent:
        yield Advice("REINDEX ... CONCURRENTLY does not block reads and writes.")
    elif statement.node == "RefreshMatViewStmt" and not statement.body.get("concurrent"):
        yield Advice(
            "REFRESH MATERIALIZED VIEW CONCURRENTLY does not block readers; the view needs a unique"
            " index for it."
        )
    elif statement.node in ("VacuumStmt", "ClusterStmt") and kind(traced) is Kind.rewrite:
        yield Advice(
            "It copies the whole table while all sessions wait. pg_repack does the same with"
            " short locks; or plan a maintenance window."
        )


def _create_index(traced: Traced) -> Iterator[Advice]:
    if _is_partitioned(traced):
        yield Advice(
            "On a partitioned table: CREATE INDEX ... ON ONLY the parent, CREATE INDEX CONCURRENTLY"
            " on each partition, then ALTER INDEX ... ATTACH PARTITION for each."
        )
        return
    text = traced.statement.text
    if found := INDEX.match(text):
        yield Advice(
            "CONCURRENTLY builds it without blocking writers; it must not be in a transaction.",
            (f"{found[0]} CONCURRENTLY{text[found.end() :]}\n;",),
        )


def _drop_index(traced: Traced) -> Iterator[Advice]:
    """PostgreSQL drops no index of a partitioned table CONCURRENTLY."""
    statement = traced.statement
    if (
        _is_partitioned(traced)
        or statement.is_concurrent
        or statement.body.get("behavior") == "DROP_CASCADE"
    ):
        return
    names = [identifier(*filter(None, name)) for name in statement.tables]
    maybe = "IF EXISTS " if statement.body.get("missing_ok") else ""
    yield Advice(
        "CONCURRENTLY waits for the queries that use the index, but blocks none.",
        tuple(f"DROP INDEX CONCURRENTLY {maybe}{name};" for name in names),
    )


def _target(traced: Traced) -> Relation | None:
    """Return the table of ALTER TABLE: the one with its strongest lock and its name."""
    return traced.table_named({name.name for name in traced.statement.tables[:1]})


def may_leave_invalid(traced: Traced, live: LiveServer | None) -> Advice | None:
    """Tell what a lock_timeout does to an index that is built without blocking writers.

    The build waits for transactions that are older than itself, as for a lock.
    """
    limit = traced.lock_timeout or (live.lock_timeout if live else 0.0)
    builds = traced.statement.node in ("IndexStmt", "ReindexStmt")
    if not limit or not builds or not traced.statement.is_concurrent or traced.created:
        return None
    return Advice(
        f"The lock_timeout of {duration_text(limit)} also ends its wait for older transactions, and"
        " then leaves an invalid index behind, which must be dropped. See that none is open for"
        " long, and build without a limit.",
        ("SET lock_timeout = 0;",),
        Level.caution,
    )


def lock_timeout_missing(traced: Traced, live: LiveServer | None, who: Blocked) -> Advice | None:
    """Advise a lock_timeout where the statement may wait with a queue behind it."""
    if who is Blocked.none or traced.lock_timeout or (live and live.lock_timeout):
        return None
    return Advice(
        "No lock_timeout is set: while it waits for its lock, everything that it will block waits"
        " behind it. Set one, and try again when it is over.",
        ("SET lock_timeout = '2s';",),
    )
