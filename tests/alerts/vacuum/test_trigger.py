"""Triggers of autovacuum, against hand-computed ones and against the real autovacuum."""

from dataclasses import replace

import pytest

from alerts.snapshot import Unknown
from alerts.vacuum.due import tables
from alerts.vacuum.trigger import AutovacuumSettings, Options, Triggers, is_off, triggers
from collectors.settings import Setting, settings
from collectors.user_tables import user_tables
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database
from tests.fixtures.session_rows import seen

DEFAULT = AutovacuumSettings(enabled=True)
CAPPED = replace(DEFAULT, vacuum_max_threshold=100_000_000)


@pytest.mark.parametrize(
    ("reloptions", "rows", "wanted"),
    [
        ([], 10_000, Triggers(True, 2050, 3000, 1050)),
        ([], -1, Triggers(True, 50, 1000, 50)),
        (["autovacuum_vacuum_scale_factor=0.01"], 10_000, Triggers(True, 150, 3000, 1050)),
        (["autovacuum_vacuum_threshold=0"], 10_000, Triggers(True, 2000, 3000, 1050)),
        (["autovacuum_vacuum_insert_threshold=-1"], 10_000, Triggers(True, 2050, None, 1050)),
        (["autovacuum_analyze_scale_factor=0"], 10_000, Triggers(True, 2050, 3000, 50)),
        (["autovacuum_enabled=off", "fillfactor=70"], 0, Triggers(False, 50, 1000, 50)),
        (["autovacuum_vacuum_max_threshold=1000"], 10_000, Triggers(True, 1000, 3000, 1050)),
    ],
)
def test_options_go_before_settings(reloptions: list[str], rows: float, wanted: Triggers) -> None:
    assert triggers(DEFAULT, reloptions, rows) == wanted


def test_18_caps_the_vacuum_trigger_alone() -> None:
    """An option of -1 takes the cap away; inserts and ANALYZE never had one."""
    rows = 1e9
    capped = triggers(CAPPED, [], rows)
    assert (capped.vacuum, capped.insert, capped.analyze) == (1e8, 1000 + 2e8, 50 + 1e8)
    free = triggers(CAPPED, ["autovacuum_vacuum_max_threshold=-1"], rows)
    assert free.vacuum == 50 + 2e8


def test_18_counts_inserts_against_what_is_not_frozen() -> None:
    assert triggers(DEFAULT, [], 10_000, unfrozen=0.25).insert == 1500


@pytest.mark.parametrize("text", ["off", "OFF", "of", "false", "f", "no", "n", "0"])
def test_off(text: str) -> None:
    assert is_off(text)


@pytest.mark.parametrize("text", ["on", "true", "t", "yes", "y", "1", "o", ""])
def test_on(text: str) -> None:
    assert not is_off(text)


def test_nonsense_is_no_option() -> None:
    assert Options.of(["autovacuum_vacuum_threshold=x"]).number("vacuum_threshold", 50, 0) == 50


def test_a_hidden_setting_is_unknown() -> None:
    """A default of our role hides the server's own value."""
    hidden = Setting("autovacuum", None, None, "bool", "user", False, "")
    with pytest.raises(Unknown, match="the setting autovacuum is not known"):
        AutovacuumSettings.of(seen((settings, (hidden,))))


@pytest.mark.versions(17, 18)
async def test_a_frozen_table_is_due_sooner_on_18(database: Database) -> None:
    """By the pages that the server counts; before, inserts are counted against all rows."""
    await database.execute("create table frozen as select generate_series(1, 10000) as id")
    await database.execute("vacuum (freeze, analyze) frozen")
    async with watching(dsn=database.monitor_dsn) as session:
        found = await look(session, settings, user_tables)
    [due] = tables(found, AutovacuumSettings.of(found), "reltuples", 10_000)
    all_rows = 1000 + 0.2 * 10_000
    wanted = 1000 if (found.node.version or 0) >= 180000 else all_rows
    assert due.triggers.insert == pytest.approx(wanted)


async def test_settings_of_a_real_server(database: Database) -> None:
    """All there and in the units that are told, on every version."""
    async with watching(dsn=database.monitor_dsn) as session:
        snapshot = await look(session, settings)
    found = AutovacuumSettings.of(snapshot)
    major = (snapshot.node.version or 0) // 10000
    rows = {row.name: row for row in snapshot.rows(settings)}
    assert found.enabled == (rows["autovacuum"].setting == "on")
    assert found.vacuum_threshold == 50
    assert found.vacuum_max_threshold == (1e8 if major >= 18 else -1)
    assert found.naptime == rows["autovacuum_naptime"].number
