"""Every query of every version: it prepares, and brings just what its row type says."""

import types
from dataclasses import fields
from typing import Union, get_args, get_origin, get_type_hints

import asyncpg
import pytest

from collectors._base import AnyCollector, Capability
from collectors._catalogue import all_collectors
from tests.fixtures.farm import VERSIONS
from tests.fixtures.postgres import Database

PYTHON_TYPES = {
    "bool": bool,
    "int2": int,
    "int4": int,
    "int8": int,
    "oid": int,
    "float4": float,
    "float8": float,
    "text": str,
    "name": str,
    "varchar": str,
    "char": str,
    "bytea": str,  # a text that is cut in SQL; the reader decodes it
}
ASKING = [collector for collector in all_collectors().values() if collector.sql]
NOT_THERE = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedColumnError,
)


async def asked(collector: AnyCollector, database: Database) -> str | None:
    """Its query for this server, its extension being there; None before there is such a view."""
    version = int(await database.fetchval("select current_setting('server_version_num')::int"))
    query = collector.query(version)
    if query is None:
        assert version < collector.since
        return None
    if collector.extension:
        await database.execute(f"create extension {collector.extension}")
    return query.replace("{schema}", "public")


@pytest.mark.parametrize("collector", ASKING, ids=lambda collector: collector.name)
async def test_query_brings_what_the_row_says(collector: AnyCollector, database: Database) -> None:
    """Column names are the row's fields, and each column's type is its field's."""
    query = await asked(collector, database)
    if query is None:
        return
    session = await database.session()
    prepared = await session.prepare(query)
    columns = {a.name: python_type(a.type.name, a.type.kind) for a in prepared.get_attributes()}
    hints = get_type_hints(collector.row)
    assert set(columns) == {field.name for field in fields(collector.row)}
    wrong = {n: (c, hints[n]) for n, c in columns.items() if not fits(c, hints[n])}
    assert wrong == {}


@pytest.mark.parametrize("collector", ASKING, ids=lambda collector: collector.name)
async def test_query_runs_as_the_monitoring_role(
    collector: AnyCollector, database: Database
) -> None:
    """With pg_monitor and what the collector says it needs, nothing is refused."""
    query = await asked(collector, database)
    recovery = await database.fetchval("select pg_is_in_recovery()")
    for need in collector.needs:
        await database.execute(need.grant.replace("{role}", "pgvigil_monitor"))
    session = await database.session(
        "pgvigil_monitor", default_transaction_read_only="on", search_path="pg_catalog"
    )
    if query and (collector.on is None or (collector.on == "standby") == recovery):
        rows = [collector.row(**record) for record in await session.fetch(query)]
        keys = [collector.key_of(row) for row in rows]
        assert not collector.key or len(set(keys)) == len(keys), "a key tells rows apart"


def capabilities() -> list[Capability]:
    return list(dict.fromkeys(need for collector in ASKING for need in collector.needs))


@pytest.mark.parametrize("capability", capabilities(), ids=lambda capability: capability.name)
async def test_a_right_is_seen_when_it_is_granted(
    capability: Capability, database: Database
) -> None:
    """The probe says no without the grant and yes with it, and its statement is the grant."""
    await database.execute("drop role if exists probed; create role probed login")
    session = await database.session("probed")
    probe = f"select {capability.probe}"
    if capability.is_public:
        grant = capability.grant.replace("GRANT", "REVOKE").replace("TO {role}", "FROM PUBLIC")
        await database.execute(grant.replace(";", ", pg_monitor;"))
    assert await session.fetchval(probe) is False
    await database.execute(capability.grant.replace("{role}", "probed"))
    assert await session.fetchval(probe) is True
    await database.execute("drop owned by probed; drop role probed")


@pytest.mark.versions(*VERSIONS[:-1])
async def test_an_older_server_does_not_have_it(database: Database) -> None:
    """No collector leaves out a version whose server could answer its oldest query."""
    version = int(await database.fetchval("select current_setting('server_version_num')::int"))
    session = await database.session()
    for collector in ASKING:
        if collector.since > version:
            if collector.extension:
                await database.execute(f"create extension if not exists {collector.extension}")
            with pytest.raises(NOT_THERE):
                await session.prepare(collector.sql[collector.since].replace("{schema}", "public"))


def python_type(name: str, kind: str) -> object:
    if name.endswith("[]"):
        return list
    assert kind == "scalar", f"{name} is no plain type"
    return PYTHON_TYPES[name.strip('"')]


def fits(column: object, hint: object) -> bool:
    """A field may allow None as well; StrEnum fields are strings."""
    if get_origin(hint) in (Union, types.UnionType):
        return any(fits(column, one) for one in get_args(hint) if one is not type(None))
    base = get_origin(hint) or hint
    if column is list:
        return base in (list, tuple) or getattr(base, "__name__", "") == "Sequence"
    return isinstance(base, type) and isinstance(column, type) and issubclass(base, column)
