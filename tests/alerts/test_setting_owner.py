"""How a setting is changed: in the form that its owner understands."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.setting_owner import GIVEN_BY_PATRONI, change, elements
from alerts.snapshot import Snapshot
from collectors.settings import Setting, settings
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.session_rows import seen

LOCKS = "max_locks_per_transaction"


def setting(name: str, value: str = "64", **traits: Any) -> Setting:
    return Setting(
        name, value, None, "string", traits.pop("source", "default"), False, "", **traits
    )


def said(*rows: Setting, name: str = LOCKS) -> str:
    return "\n".join(change(seen((settings, rows)), name, "128"))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], f"-- ALTER SYSTEM SET {LOCKS} = 128; then SELECT pg_catalog.pg_reload_conf();"),
        ([setting(LOCKS)], f"-- ALTER SYSTEM SET {LOCKS} = 128; then restart the server"),
        (
            [setting(LOCKS, sourcefile="/etc/pg.conf", sourceline=7)],
            f"-- It is set in /etc/pg.conf, line 7; ALTER SYSTEM SET {LOCKS} = 128;"
            " then restart the server",
        ),
        (
            [setting(LOCKS), setting("allow_alter_system", "off")],
            "-- ALTER SYSTEM is switched off (allow_alter_system is off); there:"
            f" {LOCKS} = 128; then restart the server",
        ),
        (
            [setting(LOCKS, source="command line")],
            f"-- It is set by the command line of the server; change it there: {LOCKS} = 128;"
            " then restart the server",
        ),
    ],
)
def test_files(rows: list[Setting], expected: str) -> None:
    """Where nobody else owns it, the place where it stands decides."""
    assert said(*rows) == expected


@pytest.mark.parametrize(
    ("rows", "form"),
    [
        ([setting(name, source="command line") for name in GIVEN_BY_PATRONI], "patronictl restart"),
        ([setting("unix_socket_directories", "/controller/run")], "in the Cluster, under spec"),
        ([setting("rds.extensions", "a")], "parameter group"),
        ([setting("cloudsql.iam_authentication", "on")], "gcloud sql instances patch"),
        ([setting("azure.extensions", "a")], "az postgres flexible-server parameter set"),
    ],
)
def test_owners(rows: list[Setting], form: str) -> None:
    """Never ALTER SYSTEM, which they overwrite or refuse."""
    found = said(*rows, *([] if rows[0].name == "cluster_name" else [setting(LOCKS)]))
    assert form in found
    assert f"{LOCKS}: 128" in found
    assert "ALTER SYSTEM" not in found


LIST = "session_preload_libraries"


@pytest.mark.parametrize(
    ("traits", "value", "expected"),
    [
        ({}, 'a, "$libdir/b c"', f"ALTER SYSTEM SET {LIST} = 'a', '$libdir/b c'; then SELECT"),
        ({"source": "command line"}, "a, b", f"change it there: {LIST} = 'a, b'; then"),
        ({}, "", f"-- in postgresql.conf, as ALTER SYSTEM can't empty a list: {LIST} = ''; then"),
        (
            {"sourcefile": "/pg.conf", "sourceline": 7},
            "",
            f"/pg.conf, line 7; there, as ALTER SYSTEM can't empty a list: {LIST} = ''; then",
        ),
        (
            {"sourcefile": "/data/postgresql.auto.conf", "sourceline": 7},
            '""',
            f"line 7; ALTER SYSTEM RESET {LIST}; then",
        ),
        ({"source": "command line"}, "", f"change it there: {LIST} = ''; then"),
    ],
)
def test_lists(traits: dict[str, Any], value: str, expected: str) -> None:
    """Each name for itself in SQL, and one text in a file."""
    own = Setting(LIST, "x", None, "string", traits.pop("source", "default"), False, "", "sighup")
    [line] = change(seen((settings, [replace(own, **traits)])), LIST, value)
    assert expected in line


def test_a_list_in_a_parameter_group() -> None:
    [line] = change(seen((settings, [setting("rds.extensions", "a")])), LIST, "a, b")
    assert line.endswith(f"{LIST}: 'a, b'")


def test_names_of_a_list() -> None:
    assert elements('a ,"b, c", "d""e",, ""') == ["a", "b, c", 'd"e']


@pytest.mark.versions(14, 18)
async def test_real_files(private_server: PrivateServers) -> None:
    """A real server tells the file and the line."""
    server = private_server()
    async with watching(dsn=server.dsn()) as connection:
        snapshot: Snapshot = await look(connection, settings)
        [line] = change(snapshot, "max_connections", "200")
        own = next(row for row in snapshot.rows(settings) if row.name == "max_connections")
        assert own.source == "configuration file"
        assert f"-- It is set in {own.sourcefile}, line {own.sourceline}; ALTER SYSTEM" in line
        assert line.endswith("then restart the server")
        assert "pg_reload_conf" in change(snapshot, "work_mem", "'8MB'")[0]
