"""The console of a real pgbouncer: every way to log in, and one clear cause for every refusal."""

import asyncio
import signal
import socket
import time
from pathlib import Path

import pytest

from collectors.pooler_connection import PoolerCause
from monitor.address import Address
from monitor.certificate_time import expiry
from monitor.pgbouncer.console import Console
from monitor.pgbouncer.failure import ConsoleFailure
from monitor.reading import ReadFailure
from tests.fixtures.certificates import Authority
from tests.fixtures.pooler import DEADLINE, PASSWORD, STATS, Poolers
from tests.fixtures.postgres import Database
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until


async def opened(dsn: str, deadline: float = DEADLINE) -> Console:
    return await Console.open(Address.of(dsn, {}), deadline)


async def refused(dsn: str, deadline: float = DEADLINE) -> ConsoleFailure:
    with pytest.raises(ConsoleFailure) as caught:
        await opened(dsn, deadline)
    return caught.value


@pytest.mark.parametrize("method", ["scram-sha-256", "md5", "trust"])
async def test_every_login(pooler: Poolers, method: str) -> None:
    pool = await pooler({"shop": "host=/nowhere"}, auth_type=method)
    console = await opened(pool.dsn())
    assert console.version.startswith("PgBouncer ")
    assert console.descriptor_limit is None or console.descriptor_limit > 0
    first = await console.ask("SHOW DATABASES", DEADLINE)
    assert [record["name"] for record in first] == ["pgbouncer", "shop"]
    with pytest.raises(ReadFailure, match="invalid command") as caught:
        await console.ask("SHOW NONSENSE", DEADLINE)
    assert (caught.value.refused, caught.value.lost) == (True, False)
    with pytest.raises(ReadFailure, match="admin access"):
        await console.ask("PAUSE", DEADLINE)
    assert await console.ask("SHOW DATABASES", DEADLINE) == first
    await console.close()


async def test_each_refusal_has_its_cause(pooler: Poolers) -> None:
    pool = await pooler({"shop": "host=/nowhere"})
    wrong = pool.dsn().replace("secret", "wrong")
    assert (await refused(wrong)).cause is PoolerCause.auth
    assert (await refused(pool.dsn(user="nobody"))).cause is PoolerCause.auth
    assert (await refused(pool.dsn(user="app"))).cause is PoolerCause.not_allowed
    assert (await refused(f"host={pool.folder}/gone")).cause is PoolerCause.absent
    assert (await refused("host=x sslmode=maybe")).cause is PoolerCause.address
    pool.write(auth_type="plain")
    await pool.command("RELOAD")
    # The socket belongs to another user than us and root: it may be anybody's.
    assert (await refused(pool.dsn())).cause is PoolerCause.auth_method
    for failure in (await refused(wrong), await refused(pool.dsn(user="app"))):
        assert not any(text in str(failure) for text in (PASSWORD, "wrong"))


@pytest.mark.versions(18)
async def test_postgresql_is_not_a_pooler(database: Database) -> None:
    server = database.server
    dsn = f"host={server.folder} port={server.port} user=postgres"
    assert (await refused(dsn)).cause is PoolerCause.not_a_pooler
    await database.execute("create database pgbouncer")
    try:
        failure = await refused(dsn)
        assert failure.cause is PoolerCause.not_a_pooler
    finally:
        await database.execute("drop database pgbouncer")


async def test_what_speaks_another_protocol_is_not_a_pooler() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    failure = await refused(f"host=127.0.0.1 port={port} user=x sslmode=disable")
    assert failure.cause is PoolerCause.not_a_pooler
    server.close()
    await server.wait_closed()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_tls(pooler: Poolers, tool: Tool, workplace: Path) -> None:
    """Verified it may ask for the password in clear; unverified, or without TLS, it may not."""
    authority = Authority(workplace / "ca", tool("openssl"))
    pair = authority.issue("pooler", "IP:127.0.0.1")
    for file in (workplace / "ca", pair.certificate, pair.key):
        file.chmod(0o755)
    pool = await pooler(
        {"shop": "host=/nowhere"},
        listen_addr="127.0.0.1",
        listen_port=free_port(),
        auth_type="plain",
        client_tls_sslmode="allow",
        client_tls_key_file=pair.key,
        client_tls_cert_file=pair.certificate,
    )
    pool.port = int(str(pool.settings["listen_port"]))
    dsn = pool.dsn(host="127.0.0.1")
    verified = f"{dsn} sslmode=verify-full sslrootcert={authority.certificate}"
    console = await opened(verified)
    assert await console.ask("SHOW POOLS", DEADLINE)
    assert console.descriptor_limit is None
    assert console.certificate is not None
    assert (expiry(console.certificate) or 0) > time.time()
    await console.close()
    for unsafe in ("disable", "require"):
        assert (await refused(f"{dsn} sslmode={unsafe}")).cause is PoolerCause.auth_method
    stranger = Authority(workplace / "other", tool("openssl"), "stranger")
    failure = await refused(f"{dsn} sslmode=verify-full sslrootcert={stranger.certificate}")
    assert failure.cause is PoolerCause.tls
    pool.write(auth_type="scram-sha-256", client_tls_sslmode="require")
    pool.program.process.send_signal(signal.SIGHUP)

    async def wants_tls() -> bool:
        return (await refused(f"{dsn} sslmode=disable")).cause is PoolerCause.tls

    await until(wants_tls, "it asks for TLS")
    await (await opened(f"{dsn} sslmode=require")).close()


async def test_a_pooler_that_hangs_or_goes(pooler: Poolers) -> None:
    pool = await pooler({"shop": "host=/nowhere"})
    console = await opened(pool.dsn())
    pool.program.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ReadFailure) as caught:
            await console.ask("SHOW POOLS", 0.2)
        assert (caught.value.unanswered, console.lost) == (True, True)
        assert (await refused(pool.dsn(), 0.2)).cause is PoolerCause.timeout
    finally:
        pool.program.process.send_signal(signal.SIGCONT)
    await console.close()
    console = await opened(pool.dsn())
    pool.program.stop()
    with pytest.raises(ReadFailure):
        await console.ask("SHOW POOLS", DEADLINE)
    assert console.lost
    await console.close()
    await pool.start()
    await (await opened(pool.dsn(user=STATS))).close()
