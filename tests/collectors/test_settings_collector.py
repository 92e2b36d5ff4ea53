"""pg_settings in base units, and only as far as they are the server's own."""

import re

import pytest

from collectors._base import Value
from collectors._sizes import VALUE_BYTES
from collectors.settings import Setting, settings
from monitor.postgres.session_settings import own_settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database, PrivateServers, connected
from tests.fixtures.until import until

THEIRS = "SELECT name, setting FROM pg_settings"


def setting(value: str | None, unit: str | None = None, vartype: str = "integer") -> Setting:
    return Setting("name", value, unit, vartype, "default", False, "")


@pytest.mark.parametrize(
    ("row", "number", "base"),
    [
        (setting("100"), 100, ""),
        (setting("5", "min"), 300, "seconds"),
        (setting("1500", "ms"), 1.5, "seconds"),
        (setting("0.5", "ms", "real"), 0.0005, "seconds"),
        (setting("3", "8kB"), 24576, "bytes"),
        (setting("64", "MB"), 64 << 20, "bytes"),
        (setting("-1", "kB"), -1, "bytes"),
        (setting("on", vartype="bool"), 1, ""),
        (setting("off", vartype="bool"), 0, ""),
        (setting("replica", vartype="enum"), None, ""),
        (setting(None, "ms"), None, "seconds"),
    ],
)
def test_a_setting_in_its_base_unit(row: Setting, number: float | None, base: str) -> None:
    """Seconds and bytes; -1 is a word, not an amount; what is no number has none."""
    assert row.base_unit == base
    assert row.number == pytest.approx(number)


def samples(rows: list[Setting]) -> dict[str | None, Value]:
    [family, _] = settings.metrics
    return {name: value for (name,), value in family.samples(rows)}


async def test_every_number_is_a_metric(database: Database) -> None:
    """Under its common name, in the unit of that name."""
    async with watching(dsn=database.monitor_dsn) as session:
        rows = list((await look(session, settings)).rows(settings))
    found = samples(rows)
    assert found["max_connections"] == 60
    assert found["shared_buffers_bytes"] == 16 << 20
    assert found["autovacuum_naptime_seconds"] == 86400
    assert found["fsync"] == 0
    assert found["pg_stat_statements_max"] == 5000
    assert all(re.fullmatch("[a-z0-9_]+", name or "") for name in found)


async def test_what_our_session_set_is_not_taken_for_the_server(database: Database) -> None:
    """Our own limits hide nothing of the server; a default of our role does, and is not shown."""
    await database.execute(
        "CREATE ROLE tuned LOGIN; ALTER ROLE tuned SET work_mem = '77MB';"
        " ALTER ROLE tuned SET lock_timeout = '7s'"
    )
    try:
        async with watching(dsn=database.dsn, user="tuned") as ours:
            rows = (await look(ours, settings)).rows(settings)
    finally:
        await database.execute("DROP ROLE tuned")
    known = {row.name: row.setting for row in rows}
    hidden = {row.name for row in rows if row.setting is None and row.vartype != "string"}
    assert hidden == {"work_mem", "lock_timeout"}
    theirs = {row["name"]: row["setting"] for row in await database.fetch(THEIRS)}
    own = own_settings(10, 140000).keys() - hidden
    shown = {name: value for name, value in known.items() if name.lower() in own}
    assert len(shown) == len(own) > 13
    assert shown == {name: theirs[name] for name in shown}
    reset = {row.name: row.reset_val for row in rows}
    assert (reset["work_mem"], reset["max_connections"]) == (None, "60")


@pytest.mark.versions(14, 18)
async def test_where_a_setting_comes_from(private_server: PrivateServers) -> None:
    """The file and its line, what it was before that, and who may change it."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("ALTER SYSTEM SET deadlock_timeout = '5s'")
        server.restart()
    async with watching(dsn=server.dsn(user=MONITOR)) as session:
        known = {row.name: row for row in (await look(session, settings)).rows(settings)}
    changed = known["deadlock_timeout"]
    assert (changed.setting, changed.reset_val, changed.boot_val) == ("5000", "5000", "1000")
    assert (changed.context, changed.source) == ("superuser", "configuration file")
    assert (changed.sourcefile or "").endswith("/postgresql.auto.conf")
    assert changed.sourceline == 3
    plain = known["wal_block_size"]
    assert (plain.context, plain.sourcefile, plain.sourceline) == ("internal", None, None)


@pytest.mark.versions(18)
async def test_a_parameter_that_waits_for_a_restart_is_told(
    private_server: PrivateServers,
) -> None:
    """The file says one thing and the server does another."""
    server = private_server()
    async with connected(server.dsn()) as admin, watching(dsn=server.dsn()) as session:
        await admin.execute("ALTER SYSTEM SET max_connections = 77")
        await admin.execute("SELECT pg_reload_conf()")

        async def waits() -> list[str]:
            rows = (await look(session, settings)).rows(settings)
            return [row.name for row in rows if row.pending_restart]

        assert await until(waits, "the reload is known") == ["max_connections"]


@pytest.mark.versions(14, 18)
async def test_a_value_of_a_megabyte_is_cut(private_server: PrivateServers) -> None:
    """It is as long as its owner likes; the answer is not."""
    server = private_server(temp_tablespaces=", ".join(["pg_default"] * 80_000))
    async with watching(dsn=server.dsn("postgres", MONITOR)) as session:
        rows = list((await look(session, settings)).rows(settings))
    [long] = [row.setting or "" for row in rows if row.name == "temp_tablespaces"]
    assert long.startswith("pg_default, pg_default")
    assert len(long) == VALUE_BYTES
