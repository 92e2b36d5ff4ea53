"""Prepared statements of drivers fail in transaction mode: they are not kept for the client."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.pooler.advice import ini
from alerts.pooler.pools import SESSION, number, pools_of
from alerts.snapshot import Snapshot
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_pools import pooler_pools
from collectors.pooler_version import pooler_version

KEPT_FROM = (1, 21)
"""The first version that keeps prepared statements of the protocol."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """No limits: they are kept, or they are not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    shared = [pool.name for pool in pools_of(snapshot) if pool.pool.pool_mode != SESSION]
    version = snapshot.row(pooler_version).number
    if version is None:
        yield Unjudged("the version is not known")
    elif shared and version < KEPT_FROM:
        yield old(shared, snapshot.row(pooler_version).version)
    elif shared and number(snapshot, "max_prepared_statements") == 0:
        yield switched_off(shared)


def old(pools: list[str], version: str) -> Evidence:
    return _evidence(
        pools,
        f"{version} does not keep prepared statements of drivers in transaction mode, which the"
        f" pool {pools[0]} uses: the next transaction may run on a connection without them.",
        (
            remark("Upgrade PgBouncer to 1.21 or later: it keeps them, by default since 1.24."),
            remark("Until then the driver must not prepare: prepareThreshold=0 in JDBC,"),
            remark("statement_cache_size=0 in asyncpg, prepare_threshold=None in psycopg."),
        ),
    )


def switched_off(pools: list[str]) -> Evidence:
    return _evidence(
        pools,
        f"max_prepared_statements is 0, so prepared statements of drivers get lost in transaction"
        f" mode, which the pool {pools[0]} uses.",
        (
            remark("It costs memory for each client and server connection; 200 is the default of"),
            remark("new versions. PREPARE and DEALLOCATE in SQL are not covered."),
            *ini("max_prepared_statements = 200"),
        ),
    )


def _evidence(pools: list[str], message: str, cure: tuple[str, ...]) -> Evidence:
    return Evidence(
        subject="prepared statements",
        severity=Severity.info,
        value=len(pools),
        message=message,
        facts={"pools": len(pools)},
        cure=cure,
        check="",
    )


finding = Finding(
    title="Prepared statements get lost",
    severities=(Severity.info,),
    reads=(pooler_pools, pooler_config, pooler_version),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    kind=FindingKind.review,
)
