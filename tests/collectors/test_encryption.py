"""tls_sessions: clients by how their sessions are encrypted."""

import subprocess
from collections.abc import Callable

import asyncpg
import pytest

from collectors.tls_sessions import tls_sessions
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database
from tests.fixtures.requirements import Tool

SELF_SIGNED = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"


async def sessions(dsn: str) -> dict[tuple[str, str], int]:
    async with watching(dsn=dsn) as monitor:
        rows = (await look(monitor, tls_sessions)).rows(tls_sessions)
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        key = row.encryption, row.version
        found[key] = found.get(key, 0) + row.sessions
    return found


async def test_a_socket_needs_none(database: Database) -> None:
    """What never leaves the machine is told apart from what travels in the open."""
    await database.session()
    found = await sessions(database.monitor_dsn)
    assert found.keys() == {("socket", "")}
    assert found["socket", ""] >= 2


@pytest.mark.versions(14, 17)  # the build of 18 lacks TLS
async def test_tls_and_plain(private_server: Callable[..., Postgres], tool: Tool) -> None:
    """With the version of TLS, and the cipher beside it."""
    server = private_server(loopback=True, start=False)
    certificate(server, tool)
    server.configure({"ssl": "on"})
    server.start()
    plain = await asyncpg.connect(server.dsn(tcp=True), ssl="disable")
    tls = await asyncpg.connect(server.dsn(tcp=True), ssl="require")
    found = await sessions(server.dsn(user=MONITOR))
    plain.terminate()
    tls.terminate()
    assert found["none", ""] == 1
    assert found["tls", "TLSv1.3"] == 1


def certificate(server: Postgres, tool: Tool) -> None:
    key, cert = server.data / "server.key", server.data / "server.crt"
    subprocess.run(
        [tool("openssl"), *SELF_SIGNED.split(), "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    key.chmod(0o600)
    server.owner.take(key)
    server.owner.take(cert)
