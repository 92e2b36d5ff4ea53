"""The password goes to no server that asks for it in clear, unless TLS or the address vouches."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from collectors.connection import Cause
from monitor.address import Address
from monitor.demo.launcher import Postgres
from monitor.migrations.given_server import ScratchRefused, given_server
from monitor.postgres.connector import Connector
from monitor.postgres.errors import ConnectFailure
from tests.fixtures.tls_server import server

__all__ = ["server"]

METHODS = ("password", "md5", "scram-sha-256", "trust")
SECRET = "h0nter2"
IN_CLEAR = "asks for the password in clear over a connection without verified TLS"


@pytest.fixture(scope="module")
def roles(server: Postgres) -> Postgres:
    """A server that asks each of its roles for what the role is named after."""
    statements = "".join(
        f"set password_encryption = '{'md5' if name == 'md5' else 'scram-sha-256'}';"
        f"create role \"{name}\" login password '{SECRET}';"
        for name in METHODS
    )
    asyncio.run(_execute(server, statements))
    hba = server.data / "pg_hba.conf"
    lines = "".join(
        f'local all "{name}" {name}\nhost all "{name}" all {name}\n' for name in METHODS
    )
    hba.write_text(lines + hba.read_text())
    asyncio.run(_execute(server, "select pg_reload_conf()"))
    return server


async def _execute(server: Postgres, statements: str) -> None:
    connection = await asyncpg.connect(server.dsn())
    await connection.execute(statements)
    await connection.close()


async def refusal(dsn: str, **environ: str) -> ConnectFailure | None:
    """Why we did not log in; None if we did."""
    try:
        session = await Connector(Address.of(dsn, environ), 5, 20).open(None)
    except ConnectFailure as failure:
        return failure
    await session.close()
    return None


def address(server: Postgres, role: str, more: str = "") -> str:
    where = f"host=localhost port={server.port} dbname=postgres"
    return f"{where} user={role} password={SECRET} {more}"


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
async def test_a_password_in_clear_is_refused_without_verified_tls(
    roles: Postgres, mode: str
) -> None:
    """Also where TLS is used but anybody's certificate would do: its own cause, one sentence."""
    failure = await refusal(address(roles, "password", f"sslmode={mode}"))
    assert failure
    assert failure.cause is Cause.auth_method
    assert IN_CLEAR in failure.message


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_verified_tls_lets_a_password_through(roles: Postgres, mode: str) -> None:
    """Only the right server can read it."""
    root = roles.data / "server.crt"
    assert not await refusal(address(roles, "password", f"sslmode={mode} sslrootcert={root}"))


async def test_the_address_may_allow_a_password_in_clear(roles: Postgres) -> None:
    """As for ldap and pam behind a private network; a negative list is no such permission."""
    assert not await refusal(address(roles, "password", "require_auth=password"))
    assert await refusal(address(roles, "password", "require_auth=!md5"))


@pytest.mark.parametrize("role", ["md5", "scram-sha-256", "trust"])
async def test_all_other_methods_work_without_tls(roles: Postgres, role: str) -> None:
    """None of them shows the password itself."""
    assert not await refusal(address(roles, role, "sslmode=disable"))


@pytest.mark.parametrize(
    ("role", "rule"),
    [
        ("md5", "scram-sha-256"),
        ("md5", "!md5,!password"),
        ("password", "scram-sha-256,md5"),
        ("scram-sha-256", "md5"),
        ("scram-sha-256", "none"),
        ("trust", "scram-sha-256"),
        ("trust", "!none"),
    ],
)
async def test_require_auth_excludes_methods(roles: Postgres, role: str, rule: str) -> None:
    """As libpq reads it, from the address and from the environment."""
    for failure in (
        await refusal(address(roles, role, f"require_auth={rule}")),
        await refusal(address(roles, role), PGREQUIREAUTH=rule),
    ):
        assert failure
        assert failure.cause is Cause.auth_method
        assert "which require_auth does not allow" in failure.message


@pytest.mark.parametrize(
    ("role", "rule"),
    [("md5", "md5"), ("scram-sha-256", "scram-sha-256,md5"), ("trust", "none"), ("md5", "!none")],
)
async def test_require_auth_lets_others_through(roles: Postgres, role: str, rule: str) -> None:
    """What is named, or not excluded."""
    assert not await refusal(address(roles, role, f"require_auth={rule}"))


async def test_require_auth_is_read_from_the_service_file(roles: Postgres, tmp_path: Path) -> None:
    """It ranks behind the address."""
    file = tmp_path / "services"
    file.write_text("[mine]\nrequire_auth=scram-sha-256\n")
    with_service = f"service=mine servicefile={file}"
    assert await refusal(address(roles, "md5", with_service))
    assert not await refusal(address(roles, "md5", f"{with_service} require_auth=md5"))


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("require_auth=ldap", "require_auth names 'ldap'"),
        ("require_auth=md5,!none", "must not mix"),
        ("require_auth=md5,", "require_auth names ''"),
        ("channel_binding=require", "channel_binding is 'require'"),
    ],
)
async def test_what_cannot_be_enforced_is_an_error(option: str, reason: str) -> None:
    """A protection that was asked for is never left out silently."""
    failure = await refusal(f"host=localhost {option}")
    assert failure
    assert failure.cause is Cause.address
    assert reason in failure.message


@pytest.mark.parametrize("is_private", [True, False])
async def test_a_socket_is_trusted_unless_everybody_can_make_one_there(
    roles: Postgres, is_private: bool
) -> None:
    """In /tmp, any local user may pretend to be the server."""
    folder = roles.folder
    mode = os.stat(folder).st_mode
    os.chmod(folder, mode & ~0o002 if is_private else mode | 0o1777)
    try:
        failure = await refusal(address(roles, "password", f"host={folder}"))
    finally:
        os.chmod(folder, mode)
    assert (failure is None) == is_private


@asynccontextmanager
async def rogue(*answers: bytes) -> AsyncIterator[tuple[int, bytearray]]:
    """A foreign server at our address, which keeps what it is sent; its answers come in bytes."""
    heard, ended = bytearray(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            heard.extend(await reader.read(1024))
            for answer in answers:
                for byte in answer:
                    writer.write(bytes([byte]))
                    await writer.drain()
                heard.extend(await reader.read(1024))
        writer.close()
        ended.set()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1], heard
        await asyncio.wait_for(ended.wait(), 60)
    finally:
        listener.close()


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


IN_CLEAR_PLEASE = message(b"R", (3).to_bytes(4, "big"))
WELCOME = message(b"R", bytes(4)) + message(b"Z", b"I")
SCRAM = message(b"R", (10).to_bytes(4, "big") + b"SCRAM-SHA-256\0\0")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ((IN_CLEAR_PLEASE,), IN_CLEAR),
        ((SCRAM, WELCOME), "did not prove that it knows the password"),
        ((b"R\x7f\xff\xff\xff",), "does not speak PostgreSQL's protocol"),
        ((b"HTTP/1.1 400 Bad Request\r\n",), "does not speak PostgreSQL's protocol"),
    ],
)
async def test_a_rogue_server_gets_no_password(answers: tuple[bytes, ...], reason: str) -> None:
    """However its messages are cut into packets."""
    async with rogue(*answers) as (port, heard):
        failure = await refusal(
            f"host=127.0.0.1 port={port} user=u password={SECRET} sslmode=disable"
        )
    assert failure
    assert failure.cause is Cause.auth_method
    assert reason in failure.message
    assert b"user" in heard
    assert SECRET.encode() not in heard


async def test_a_rogue_scratch_server_gets_no_password_either() -> None:
    """The check of a migration says so in one sentence."""
    async with rogue(IN_CLEAR_PLEASE) as (port, heard):
        dsn = f"host=127.0.0.1 port={port} user=u password={SECRET} sslmode=disable"
        with pytest.raises(ScratchRefused, match=f"can't be reached: .*{IN_CLEAR}"):
            async with given_server(dsn, {}, None, ()):
                pass
    assert SECRET.encode() not in heard
