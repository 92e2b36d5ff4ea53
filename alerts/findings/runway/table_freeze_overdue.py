"""A table is well beyond the age at which autovacuum must freeze it, and no vacuum works on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import equals, identifier, regclass
from alerts.limits import BaseLimits, Slack
from alerts.runway.frozen_horizon import aggressively, old_holder, release, title, vacuum
from alerts.runway.id_space import MXIDS, XIDS, IdSpace
from alerts.snapshot import Snapshot
from alerts.units import share_text
from alerts.vacuum.horizon import CONSULTS, HorizonHolder
from collectors._base import Role
from collectors.oldest_relations import OldestRelation, oldest_relations
from collectors.progress_vacuum import progress_vacuum
from collectors.xmin_horizon import xmin_horizon


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    times: Annotated[float, Slack(0.95)] = 1.2
    """How many times the age at which autovacuum must freeze it; being a little beyond is normal
    while its turn comes."""
    least_ids: Annotated[int, Slack(0.9)] = 20_000_000
    """How many IDs it must be beyond that age at least, where the age itself is set very low."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    progress = snapshot.rows(progress_vacuum)
    at_work = {(row.datname, row.schemaname, row.relname) for row in progress}
    for relation in snapshot.rows(oldest_relations):
        if at_work.isdisjoint(names(relation)):
            space = max((XIDS, MXIDS), key=lambda space: share(relation, space))
            if is_overdue(relation, space, limits):
                yield evidence(snapshot, relation, space)


def names(relation: OldestRelation) -> set[tuple[str, str | None, str | None]]:
    """Return the names under which a vacuum of it is reported: a table's includes its TOAST."""
    return {
        (relation.datname, relation.schemaname, relation.relname),
        (relation.datname, relation.main_schemaname, relation.main_relname),
    }


def share(relation: OldestRelation, space: IdSpace) -> float:
    return space.relation_age(relation) / max(1, space.relation_limit(relation))


def is_overdue(relation: OldestRelation, space: IdSpace, limits: Limits) -> bool:
    beyond = space.relation_age(relation) - space.relation_limit(relation)
    return share(relation, space) >= limits.times and beyond >= limits.least_ids


def evidence(snapshot: Snapshot, relation: OldestRelation, space: IdSpace) -> Evidence:
    age, limit = space.relation_age(relation), space.relation_limit(relation)
    # What may still need a transaction's rows bounds multixacts too.
    catalog = relation.schemaname == "pg_catalog"
    holder = old_holder(snapshot, relation.datname, relation.max_xid_age, catalog=catalog)
    schema, name = relation.schemaname, relation.relname
    main = relation.main_schemaname or schema, relation.main_relname or name
    return Evidence(
        subject=title(relation),
        severity=Severity.warning,
        value=age / max(1, limit),
        message=(
            f"The oldest {space.noun} in {title(relation)} is {age:,} old,"
            f" {share_text(age / limit)} of the age at which autovacuum must freeze it, and no"
            f" vacuum works on it.{why(holder)}"
        ),
        facts={
            f"age_{space.unit}": age,
            f"autovacuum_freezes_at_{space.unit}": limit,
            "pages": relation.relpages,
            "is_temporary": relation.relpersistence == "t",
            "holder": str(holder.kind) if holder else None,
            "holder_name": holder.name if holder else None,
        },
        cure=(*release(holder), *aggressively(*vacuum(relation))),
        check=(
            f"SELECT pg_catalog.{space.age_function}({space.relation_horizon}), relpages"
            f" FROM pg_catalog.pg_class WHERE {equals('oid', regclass(schema, name))};"
        ),
        key=f"{relation.relid}",
        object=identifier(*main),
        database=relation.datname,
    )


def why(holder: HorizonHolder | None) -> str:
    return f" Held up by {holder.text}." if holder else ""


finding = Finding(
    title="Table not frozen in time",
    severities=(Severity.warning,),
    reads=(oldest_relations, progress_vacuum),
    consults=(xmin_horizon, *CONSULTS),
    limits=Limits(),
    judge=judge,
    unit="ratio",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
    because=("txid_wraparound", "mxid_wraparound", "xmin_horizon_held"),
)
