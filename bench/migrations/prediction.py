"""Predictions: each form traced on a clone of its own, and judged with facts of each server."""

from collections.abc import Sequence

import asyncpg

from alerts.migrations.kind import blocks
from alerts.migrations.lock_mode import Blocked
from alerts.migrations.traced import Relation, Traced
from alerts.migrations.verdict import Verdict
from bench.migrations.forms import Form
from monitor.address import Address
from monitor.migrations.clone import load
from monitor.migrations.dump import dumped
from monitor.migrations.parsing import parsed
from monitor.migrations.scratch import DATABASE, MIGRATOR, ThrowAway, scratch_server
from monitor.migrations.script import Piece
from monitor.migrations.trace import Tracer

PATTERN = "pattern"


async def traces(dsn: str, forms: Sequence[Form]) -> list[Traced]:
    """Trace each form on an empty clone of the server's schema."""
    schema = await dumped(Address.of(dsn, {}), "shop")
    statements = parsed([Piece(1, form.sql) for form in forms])
    found = []
    async with scratch_server([]) as scratch:
        loaded = await load(scratch, schema)
        assert not loaded.lacking, loaded.lacking
        await _rename(scratch)
        for statement in statements:
            await _fresh(scratch)
            tracer = await Tracer.start(scratch, lacking=False)
            found += await tracer.run([statement])
            await tracer.session.connection.close()
    return found


async def _rename(scratch: ThrowAway) -> None:
    await _admin(scratch, f"ALTER DATABASE {DATABASE} RENAME TO {PATTERN}")


async def _fresh(scratch: ThrowAway) -> None:
    await _admin(
        scratch,
        f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)",
        f"CREATE DATABASE {DATABASE} TEMPLATE {PATTERN} OWNER {MIGRATOR}",
    )


async def _admin(scratch: ThrowAway, *statements: str) -> None:
    admin = await asyncpg.connect(scratch.server.dsn())
    try:
        for statement in statements:
            await admin.execute(statement)
    finally:
        await admin.close()


def touched(found: Sequence[Traced]) -> list[Relation]:
    from alerts.migrations.kind import grows_with

    relations: dict[Relation, None] = {}
    for traced in found:
        relations |= dict.fromkeys((*blocks(traced), *grows_with(traced)))
    return list(relations)


def blocked_tables(verdict: Verdict) -> dict[str, Blocked]:
    """Return the predicted waits by table, as the probes name them."""
    return {effect.relation.name: effect.blocked for effect in verdict.effects}
