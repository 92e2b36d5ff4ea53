"""Outlook of a table as text: its triggers, what is counted, and what autovacuum will do."""

from collections.abc import Iterator

from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import bytes_text, duration_text
from alerts.vacuum.forecast import Forecast
from alerts.vacuum.outlook import Outlook
from monitor.reports.escape import safe


def vacuum_report(server: str, snapshot: Snapshot, found: Outlook) -> str:
    return "\n".join(map(safe, _lines(server, snapshot, found))) + "\n"


def _lines(server: str, snapshot: Snapshot, found: Outlook) -> Iterator[str]:
    due, table = found.due, found.due.table
    size = "size not known" if table.size_bytes is None else bytes_text(table.size_bytes)
    rows = f"about {max(0, table.reltuples):,.0f} rows" if table.reltuples >= 0 else "not analysed"
    yield f"{due.name} in {table.datname} on {server}: {rows}, {size}"
    yield ""
    yield _counted("Dead rows", table.n_dead_tup, due.triggers.vacuum)
    yield _counted("Inserted rows", table.n_ins_since_vacuum, due.triggers.insert)
    yield _counted("Changed rows", table.n_mod_since_analyze, due.triggers.analyze)
    for what, at in (("vacuum", due.vacuumed), ("ANALYZE", table.analyzed)):
        ago = f"{duration_text(snapshot.at - at)} ago" if at else "never, or before a crash"
        yield f"{'Last ' + what:15} {ago}"
    yield ""
    yield from _pace(found)
    yield _plan("Autovacuum", found)
    if found.cause:
        yield f"Why not sooner: {found.cause.text}."
        yield from ("", *found.cause.cure)
    if found.changed:
        yield ""
        yield from _changed(found.changed)


def _counted(name: str, count: int, trigger: float | None) -> str:
    if trigger is None:
        return f"{name:15} {count:>15,}  never make it due"
    share = count / max(1.0, trigger)
    return f"{name:15} {count:>15,}  of {trigger:,.0f} that make it due ({share:.0%})"


def _pace(found: Outlook) -> Iterator[str]:
    if found.dead_per_hour is None:
        yield "How fast dead rows grow is not known: it was never vacuumed, and no state file"
        yield "of the daemon is named (--set state_file=...)."
        return
    source = (
        f"recorded in {plural(len(found.pace), 'hour')}"
        if found.recorded
        else "the mean since its last vacuum; the daemon's state file knows each hour"
    )
    yield f"Dead rows grow by {found.dead_per_hour:,.0f} an hour ({source})."


def _plan(who: str, found: Outlook) -> str:
    plan = found.forecast
    if not found.due.triggers.enabled:
        return f"{who} is off for it, and comes only to prevent wraparound."
    if plan is None:
        return f"{who} comes when one of the counts is reached."
    if plan.first is None:
        return f"{who} will not come within {duration_text(plan.seconds)} by these counts."
    return f"{who} {_coming(plan)}."


def _coming(plan: Forecast) -> str:
    first = duration_text(round(plan.first or 0.0))
    return (
        f"will come in about {first}, {plural(plan.runs, 'run')} within"
        f" {duration_text(plan.seconds)}; at most about {plan.peak:,.0f} dead rows"
    )


def _changed(found: Outlook) -> Iterator[str]:
    options = ", ".join(f"{name} = {value}" for name, value in found.wanted.items())
    triggers = found.due.triggers
    yield f"With {options}, {triggers.vacuum:,.0f} dead rows make it due:"
    yield _plan("autovacuum", found)
    kind = "MATERIALIZED VIEW" if found.due.table.relkind == "m" else "TABLE"
    yield ""
    yield "SET lock_timeout = '2s';"
    yield f"ALTER {kind} {found.due.name} SET ({options});"
    yield "RESET lock_timeout;"
