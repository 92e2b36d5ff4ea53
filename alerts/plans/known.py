"""Known plans: those that the planner was asked for, and of other statements those in the log."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from alerts.snapshot import Snapshot
from alerts.statements.load import Load
from collectors._columns import where
from collectors.logged_plans import LoggedPlan, logged_plans
from collectors.plans import StatementPlan, plans
from collectors.user_tables import user_tables


def all_plans(snapshot: Snapshot, load: Load) -> Iterator[StatementPlan]:
    """Yield the plans that were asked for, and of other statements those in the server's log."""
    known = snapshot.rows(plans) if snapshot.has(plans) else ()
    yield from known
    planned = {(one.userid, one.dbid, one.query_id) for one in known if one.nodes}
    logged = snapshot.rows(logged_plans) if snapshot.has(logged_plans) else ()
    schemas = _schemas(snapshot, logged) if logged else {}
    userids = {name: oid for oid, name in load.seen.users.items()}
    dbids = {name: oid for oid, name in load.seen.databases.items()}
    for one in logged:
        userid, dbid = userids.get(one.usename), dbids.get(one.datname)
        if userid is None or dbid is None or (userid, dbid, one.query_id) in planned:
            continue
        found = tuple(
            node if node.schemaname else replace(node, schemaname=schemas.get((one.datname, name)))
            for node in one.nodes
            for name in (node.relname,)
        )
        yield StatementPlan(userid, dbid, one.query_id, one.datname, one.at, nodes=found)


def _schemas(
    snapshot: Snapshot, logged: Sequence[LoggedPlan]
) -> Mapping[tuple[str, str | None], str]:
    """Return the schemas of tables that are named without one, where only one has such a table."""
    if not snapshot.has(user_tables):
        return {}
    names = {node.relname for plan in logged for node in plan.nodes if node.relname}
    found = defaultdict[tuple[str, str | None], set[str]](set)
    for row in where(snapshot.rows(user_tables), "relname", names):
        found[row.datname, row.relname].add(row.schemaname)
    return {key: next(iter(schemas)) for key, schemas in found.items() if len(schemas) == 1}
