"""Lines of the ini file: what each does here now, and nothing of what is not known."""

import pytest

from alerts.pooler.ini_lines import JUDGED, ini_lines
from collectors.pooler_config import PoolerSetting, pooler_config
from collectors.pooler_connection import pooler_connection
from collectors.pooler_databases import pooler_databases
from collectors.pooler_lists import pooler_lists
from collectors.pooler_pools import pooler_pools
from collectors.pooler_servers import PoolerServer, pooler_servers
from collectors.pooler_stats import PoolerStats, pooler_stats
from collectors.pooler_version import PoolerVersion, pooler_version
from tests.fixtures.lock_rows import filled
from tests.fixtures.pooler_rows import UP, config, database, lists, pool, snapshot

GUIDE = {
    "pool_mode": "transaction",
    "max_client_conn": "1000",
    "default_pool_size": "25",
    "min_pool_size": "5",
    "reserve_pool_size": "5",
    "server_lifetime": "3600",
    "server_idle_timeout": "600",
    "log_connections": "1",
}


def told(**settings: str) -> dict[str, str]:
    seen = snapshot(
        (pooler_config, config(**{**GUIDE, **settings}, reserve_pool_timeout=5)),
        (pooler_pools, [pool(sv_active=3, sv_idle=4, cl_waiting=2), pool(user="other")]),
        (pooler_databases, [database(pool_size=25, reserve_pool_size=5)]),
        (pooler_lists, lists(used_clients=12)),
        (pooler_servers, [filled(PoolerServer)] * 10),
        (pooler_stats, [filled(PoolerStats, database="shop", total_client_login_count=77)]),
        (pooler_version, [PoolerVersion("PgBouncer 1.26.1")]),
        (pooler_connection, [UP]),
    )
    return {name: meaning for name, _, meaning in ini_lines(seen)}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pool_mode", "Now: 22 clients and 8 server connections in use."),
        ("max_client_conn", "12 are connected."),
        ("default_pool_size", "up to 60 together, reserves included"),
        ("min_pool_size", "Up to 10 connections now."),
        ("reserve_pool_size", "once a client has waited for 5 s; the server needs slots"),
        ("server_lifetime", "With the 10 of now one each 6 min."),
        ("server_idle_timeout", "Idle now: 9."),
        ("log_connections", "Since its start: 77."),
    ],
)
def test_each_line_of_the_guide(name: str, words: str) -> None:
    assert words in told()[name]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("pool_mode", "session", "until it disconnects, idle or not"),
        ("min_pool_size", "0", "None is kept open"),
        ("reserve_pool_size", "0", "There is no reserve"),
        ("server_lifetime", "0", "this is no pool"),
        ("server_idle_timeout", "0", "kept for ever"),
        ("log_connections", "0", "not logged"),
        ("max_prepared_statements", "200", "work in transaction mode (by default since 1.24)"),
        ("max_prepared_statements", "0", "get lost between transactions"),
    ],
)
def test_special_values(name: str, value: str, words: str) -> None:
    assert words in told(**{name: value})[name]


def test_with_the_settings_alone() -> None:
    """What needs another answer is left out; a line that needs a restart says so."""
    rows = [PoolerSetting(name, "7", None, "no") for name in JUDGED]
    lines = list(ini_lines(snapshot((pooler_config, rows))))
    assert [name for name, _, _ in lines] == list(JUDGED)
    assert all(meaning.endswith("A change needs a restart.") for _, _, meaning in lines)
    assert not any("Now:" in meaning or "now:" in meaning for _, _, meaning in lines)
    assert list(ini_lines(snapshot())) == []
