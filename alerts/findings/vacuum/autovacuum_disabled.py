"""Autovacuum is off, on the server or for a table that has work for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import equals, identifier, literal, plain_ddl, regclass
from alerts.limits import BaseLimits, Slack
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.vacuum.due import DueTable
from alerts.vacuum.lateness import enable
from alerts.vacuum.trigger import AutovacuumSettings, Options, triggers
from collectors._base import Role
from collectors._columns import column
from collectors.settings import Setting, settings
from collectors.user_tables import UserTable, user_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    least_rows: Annotated[int, Slack(0.75)] = 10_000
    """Dead or changed rows from which a table without autovacuum is reported."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known = snapshot.answer(settings).by("name")
    for name in ("autovacuum", "track_counts"):
        if (own := known.get(name)) and own.setting == "off":
            yield of_server(snapshot, own)
    server = AutovacuumSettings.of(snapshot)
    rows = snapshot.rows(user_tables)
    for index, options in enumerate(column(rows, "reloptions")):
        if options and not Options.of(options).enabled:
            table = rows[index]
            due = DueTable(table, triggers(server, options, table.reltuples))
            if work(due) >= limits.least_rows:
                yield of_table(due)
    for index, options in enumerate(column(rows, "toast_reloptions")):
        if options and not Options.of(options).enabled:
            table = rows[index]
            trigger = triggers(server, options, table.toast_reltuples or 0.0).vacuum
            dead = table.toast_n_dead_tup or 0
            if dead > trigger and dead >= limits.least_rows:
                yield of_toast(table, dead, trigger)


def work(due: DueTable) -> int:
    """Return the rows that are beyond a trigger; 0 if there is nothing to do."""
    table: UserTable = due.table
    dead = table.n_dead_tup if due.dead_times > 1 else 0
    return max(dead, table.n_mod_since_analyze if due.changed_times > 1 else 0)


def of_server(snapshot: Snapshot, own: Setting) -> Evidence:
    return Evidence(
        subject="server",
        severity=Severity.warning,
        value=1,
        message=(
            f"Autovacuum does not work on the server: {own.name} is off. Dead rows stay, statistics"
            " grow old, and tables are frozen only in the last moment."
        ),
        facts={"setting": own.name, "source": own.source},
        cure=change(snapshot, own.name, "on"),
        check=(
            "SELECT name, setting, source, sourcefile FROM pg_catalog.pg_settings"
            f" WHERE {equals('name', literal(own.name))};"
        ),
    )


def of_table(due: DueTable) -> Evidence:
    table, name = due.table, identifier(due.table.schemaname, due.table.relname)
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=work(due),
        message=(
            f"Autovacuum is off for {name}, which has"
            f" {plural(table.n_dead_tup, 'dead row')} and"
            f" {plural(table.n_mod_since_analyze, 'row')} changed since its last ANALYZE."
        ),
        facts={
            "dead_rows": table.n_dead_tup,
            "changed_rows": table.n_mod_since_analyze,
            "vacuum_trigger_rows": due.triggers.vacuum,
            "analyze_trigger_rows": due.triggers.analyze,
        },
        cure=(*enable(due), f"VACUUM (ANALYZE, SKIP_LOCKED) {name};"),
        check=due.check,
        object=name,
        database=table.datname,
    )


def of_toast(table: UserTable, dead: int, trigger: float) -> Evidence:
    """Its TOAST has an option of its own, while autovacuum works on the table itself."""
    name = identifier(table.schemaname, table.relname)
    kind = "MATERIALIZED VIEW" if table.relkind == "m" else "TABLE"
    return Evidence(
        subject=f"TOAST of {name}",
        severity=Severity.info,
        value=dead,
        message=(
            f"Autovacuum is off for the TOAST of {name}, where its long values are, which has"
            f" {plural(dead, 'dead row')}."
        ),
        facts={"dead_rows": dead, "vacuum_trigger_rows": trigger},
        cure=(
            *plain_ddl(f"ALTER {kind} {name} RESET (toast.autovacuum_enabled);"),
            f"VACUUM (SKIP_LOCKED) {name};",
        ),
        check=(
            "SELECT t.relname, t.reloptions, pg_catalog.pg_stat_get_dead_tuples(t.oid) AS dead"
            " FROM pg_catalog.pg_class c"
            " JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) c.reltoastrelid"
            f" WHERE {equals('c.oid', regclass(table.schemaname, table.relname))};"
        ),
        object=name,
        database=table.datname,
    )


finding = Finding(
    title="Autovacuum disabled",
    severities=(Severity.info, Severity.warning),
    reads=(settings, user_tables),
    limits=Limits(),
    judge=judge,
    unit="rows",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
