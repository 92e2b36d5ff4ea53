"""Why a session is refused, or ends before its first query: roles, libraries, a timeout."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from collectors.connection import Cause
from monitor.address import Address
from monitor.postgres.errors import ConnectFailure, asking_first, connecting
from monitor.postgres.server_messages import ServerMessages, fields_of
from monitor.postgres.session import Session
from tests.fixtures.postgres import PrivateServers


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ('role "x" does not exist', Cause.no_role),
        ('role "x" is not permitted to log in', Cause.no_login),
        ("Rolle »x« existiert nicht", Cause.no_role_or_login),
        ("Rolle »x« hat keine Berechtigung zum Einloggen", Cause.no_role_or_login),
    ],
)
def test_which_of_the_two_it_is(message: str, cause: Cause) -> None:
    """Both have one SQLSTATE and one routine; what the words don't tell is not guessed."""
    fields = {"S": "FATAL", "C": "28000", "M": message, "R": "InitializeSessionUserId"}
    with pytest.raises(ConnectFailure) as refused, connecting():
        raise asyncpg.PostgresError.new(fields)
    assert refused.value.cause is cause


@pytest.mark.parametrize("state", ["58P01", "XX000"])
def test_a_library_is_no_login_trigger(state: str) -> None:
    """It is absent, or of another version."""
    fields = {"S": "FATAL", "C": state, "M": "could not …", "R": "internal_load_library"}
    with pytest.raises(ConnectFailure) as refused, connecting():
        raise asyncpg.PostgresError.new(fields)
    assert refused.value.cause is Cause.no_library


@pytest.mark.parametrize(
    "met",
    [
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    ],
)
def test_the_last_words_of_a_server_are_told(met: Exception) -> None:
    """An error between two queries is dropped by asyncpg."""
    body = b"SFATAL\0VFATAL\0C57P05\0Mterminating connection due to idle-session timeout\0\0"
    messages = ServerMessages()
    messages.taken(b"E" + (len(body) + 4).to_bytes(4, "big") + body)
    words = asyncpg.PostgresError.new(fields_of(messages.farewell))
    assert isinstance(words, asyncpg.PostgresError)
    with pytest.raises(ConnectFailure, match="idle-session") as ended, asking_first(lambda: words):
        raise met
    assert ended.value.cause is Cause.idle_timeout
    with pytest.raises(ConnectFailure) as ended, asking_first(lambda: None):
        raise met
    assert ended.value.cause in (Cause.other, Cause.first_question)


@pytest.mark.parametrize(
    ("message", "routine", "cause"),
    [
        ('role "pgbouncer" does not exist', "InitializeSessionUserId", Cause.no_role),
        ("unsupported startup parameter: x", None, Cause.pooler),
        ("no such database: pgbouncer", None, Cause.pooler),
    ],
)
def test_a_name_makes_no_pooler(message: str, routine: str | None, cause: Cause) -> None:
    """Only PostgreSQL tells a routine."""
    fields = {"S": "FATAL", "C": "28000", "M": message}
    with pytest.raises(ConnectFailure) as refused, connecting():
        raise asyncpg.PostgresError.new(fields | ({"R": routine} if routine else {}))
    assert refused.value.cause is cause


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize(
    ("wish", "cause", "message"),
    [
        ("sslmode=require", Cause.tls, "the server does not offer TLS, which sslmode asks for"),
        ("sslmode=verify-ca", Cause.tls, "root certificate"),
        ("target_session_attrs=standby", Cause.other, "target_session_attrs asks for"),
        ("user=pgbouncer", Cause.no_role, 'role "pgbouncer" does not exist'),
    ],
)
async def test_a_server_that_is_there_is_not_absent(
    private_server: PrivateServers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    wish: str,
    cause: Cause,
    message: str,
) -> None:
    """Its answer, or what we ask of it, is told for what it is."""
    monkeypatch.setenv("HOME", str(tmp_path))  # no root certificate of ours
    server = private_server(loopback=True)
    where = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres password=x"
    hba = server.data / "pg_hba.conf"
    hba.write_text("host all all 127.0.0.1/32 trust\nlocal all all trust\n", encoding="utf-8")
    server.reload()
    with pytest.raises(ConnectFailure, match=message) as refused:
        await Session.open(Address.of(f"{where} {wish}", {}), "postgres", 5.0, 5.0)
    assert refused.value.cause is cause


@pytest.mark.parametrize(
    ("numbers", "cause", "message"),
    [
        ((99, 111), Cause.absent, "Connection refused"),
        ((111, 113), Cause.absent, "Connection refused"),
        ((101, 113), Cause.other, "No route to host"),
    ],
)
def test_a_name_of_several_addresses_is_told_by_one(
    numbers: tuple[int, ...], cause: Cause, message: str
) -> None:
    """Asyncio lists the errors of all, as of localhost by IPv6 and by IPv4, and tells no number."""
    each = ", ".join(f"[Errno {number}] Connect call failed ('::1', 5432)" for number in numbers)
    with pytest.raises(ConnectFailure) as refused, connecting():
        raise OSError(f"Multiple exceptions: {each}")
    assert (refused.value.cause, refused.value.message) == (cause, message)


@pytest.mark.parametrize("mode", ["disable", "prefer"])
async def test_an_end_without_a_word_is_told(mode: str) -> None:
    """As by a proxy without a server behind it; no login trigger has refused it."""
    listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        address = Address.of(f"host=127.0.0.1 port={port} user=u password=p sslmode={mode}", {})
        with pytest.raises(ConnectFailure, match="closed the connection without a word") as met:
            await Session.open(address, "postgres", 5.0, 5.0)
    assert met.value.cause is not Cause.refused
