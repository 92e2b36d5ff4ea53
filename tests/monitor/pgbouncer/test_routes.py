"""Which database of a pooler leads to which watched server, and whose its sessions are."""

from dataclasses import replace
from typing import Any

import pytest

from collectors.pooled_sessions import PooledSession
from collectors.pooler_clients import PoolerClient
from collectors.pooler_servers import PoolerServer
from monitor.pgbouncer.routes import place, routes, sessions_behind
from tests.fixtures.lock_rows import filled
from tests.fixtures.pooler_rows import database

SERVERS = {
    "one": {place("DB1.example.com", 5432), ("10.0.0.1", 5432)},
    "two": {place("db1.example.com", 5433)},
    "here": {place("/run/postgresql", 5432), place(None, 5432)},
}


def led(*named: str, own: str = "pool.example.com", **traits: Any) -> dict[str, str]:
    found = routes([database(**traits), database(name="pgbouncer")], SERVERS, named, own)
    return {route.database: route.server for route in found}


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        ("db1.example.com", 5432, "one"),
        ("10.0.0.1", 5432, "one"),
        ("db1.example.com", 5433, "two"),
        ("other, db1.example.com", 5432, "one"),
        ("/run/postgresql", 5432, "here"),
        ("db2.example.com", 5432, None),
        ("db1.example.com", 6432, None),
    ],
)
def test_by_address(host: str, port: int, server: str | None) -> None:
    assert led(host=host, port=port).get("shop") == server


def test_a_local_address_is_that_of_the_pooler_s_host() -> None:
    """What a pooler elsewhere calls localhost is not the server beside us."""
    for local in (None, "127.0.0.1", "localhost"):
        assert led(host=local) == {}
        assert led(host=local, own="/run/pgbouncer") == {"shop": "here"}
        assert led(host=local, own="localhost") == {"shop": "here"}
        assert led(host=local, own="db1.example.com") == {"shop": "one"}


def test_by_name() -> None:
    """One that is named alone has them all; among several, addresses tell."""
    assert led("two", host="10.9.9.9") == {"shop": "two"}
    assert led("one", "two", host="db1.example.com", port=5433) == {"shop": "two"}
    assert led("one", "two", host="10.9.9.9") == {}
    assert led("one", "two", host="/run/postgresql") == {}


CONNECTION = filled(PoolerServer, database="shop", user="app", remote_pid=7, ptr="0xa", link="0xc")
CLIENT = filled(PoolerClient, ptr="0xc", link="0xa", addr="10.1.2.3", application_name="web")


def test_sessions() -> None:
    rows = [
        CONNECTION,
        replace(CONNECTION, remote_pid=8, link=None),
        replace(CONNECTION, database="x"),
    ]
    found = list(sessions_behind("main", rows, [CLIENT], {"shop"}))
    assert found == [
        PooledSession(7, "main", "shop", "app", "10.1.2.3", "web"),
        PooledSession(8, "main", "shop", "app"),
    ]
    moved = replace(CLIENT, link="0xother")
    assert next(sessions_behind("main", rows, [moved], {"shop"})).client is None
