"""What an address translates to opens sessions on a real PostgreSQL, with TLS where asked for."""

import ssl
from pathlib import Path

import asyncpg
import pytest

from monitor.address import Address, TextOrFile
from monitor.demo.launcher import Postgres
from monitor.postgres.connector import Connector
from monitor.postgres.errors import ConnectFailure
from tests.fixtures.tls_server import server

__all__ = ["server"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def session(address: Address, database: str | None = None) -> dict[str, object]:
    """Opens one and tells what the server knows of it."""
    arguments = address.connect_arguments(database, {"application_name": "pgvigil"})
    connection = await asyncpg.connect(**arguments, timeout=60)
    try:
        row = await connection.fetchrow(
            "select session_user as user, current_database() as database, ssl,"
            " current_setting('application_name') as name, current_setting('work_mem') as memory"
            " from pg_stat_ssl where pid = pg_backend_pid()"
        )
        return dict(row or {})
    finally:
        await connection.close()


def tcp(server: Postgres, more: str = "") -> str:
    return f"host=localhost port={server.port} user=postgres {more}"


def with_password(server: Postgres, more: str = "") -> Address:
    return Address.of(tcp(server, more), {}, password=TextOrFile(server.password))


async def test_a_socket_is_used_without_tls(server: Postgres) -> None:
    """Sslmode has no say on a socket, as in libpq, not even verify-full without a certificate."""
    dsn = f"host={server.folder} port={server.port} user=postgres sslmode=verify-full"
    found = await session(Address.of(dsn, {}))
    assert (found["ssl"], found["database"], found["name"]) == (False, "postgres", "pgvigil")


async def test_client_options_do_not_reach_the_server(server: Postgres) -> None:
    """Options of libpq that the server would refuse do no harm, start-up options arrive."""
    more = "connect_timeout=3 keepalives=1 gssencmode=disable options='-c work_mem=7MB'"
    found = await session(with_password(server, f"{more} channel_binding=prefer"), "template1")
    assert (found["database"], found["memory"]) == ("template1", "7MB")


@pytest.mark.parametrize(
    ("mode", "encrypted"), [("disable", False), ("allow", False), ("prefer", True)]
)
async def test_weak_modes_settle_what_the_server_allows(
    server: Postgres, mode: str, encrypted: bool
) -> None:
    """Allow begins without TLS, prefer with it, as libpq does."""
    found = await session(with_password(server, f"sslmode={mode}"))
    assert found["ssl"] is encrypted


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_strict_modes_encrypt_and_verify(server: Postgres, mode: str) -> None:
    """With the right root certificate each of them connects, encrypted."""
    root = server.data / "server.crt"
    found = await session(with_password(server, f"sslmode={mode} sslrootcert={root}"))
    assert found["ssl"] is True


async def test_require_without_a_root_certificate_just_encrypts(server: Postgres) -> None:
    """Require verifies nothing unless a root certificate is there, as in libpq."""
    assert (await session(with_password(server, "sslmode=require")))["ssl"] is True


async def test_verify_full_wants_the_name_and_verify_ca_does_not(server: Postgres) -> None:
    """The certificate is for localhost, so 127.0.0.1 passes verify-ca only."""
    root = server.data / "server.crt"
    more = f"host=127.0.0.1 sslrootcert={root}"
    assert (await session(with_password(server, f"{more} sslmode=verify-ca")))["ssl"] is True
    with pytest.raises(ssl.SSLCertVerificationError):
        await session(with_password(server, f"{more} sslmode=verify-full"))


async def test_the_certificates_of_the_system_do_not_vouch_for_ours(server: Postgres) -> None:
    """sslrootcert=system verifies fully, so a certificate signed by itself is refused."""
    with pytest.raises(ssl.SSLCertVerificationError):
        await session(with_password(server, "sslrootcert=system"))


async def test_a_root_certificate_that_is_missing_is_named(server: Postgres) -> None:
    """The error tells which file, before anything is sent."""
    with pytest.raises(FileNotFoundError, match=r"'/nowhere/root\.crt'"):
        await session(with_password(server, "sslmode=verify-ca sslrootcert=/nowhere/root.crt"))


async def test_the_default_root_certificate_is_found(server: Postgres, home: Path) -> None:
    """~/.postgresql/root.crt counts where no other is named."""
    folder = home / ".postgresql"
    folder.mkdir()
    folder.joinpath("root.crt").write_bytes((server.data / "server.crt").read_bytes())
    assert (await session(with_password(server, "sslmode=verify-full")))["ssl"] is True


async def test_a_rotated_password_file_counts_at_the_next_session(
    server: Postgres, tmp_path: Path
) -> None:
    """A secret that changes on disk needs no restart."""
    file = tmp_path / "secret"
    file.write_text("wrong\n")
    address = Address.of(tcp(server), {}, password=TextOrFile(file=file))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await session(address)
    file.write_text(f"{server.password}\n")
    assert (await session(address))["user"] == "postgres"


async def test_variables_service_and_password_file_log_in_together(
    server: Postgres, home: Path
) -> None:
    """PGSERVICE names the server, ~/.pgpass has the password, nothing else is written."""
    service = f"[mine]\nhost=localhost\nport={server.port}\nuser=postgres\n"
    home.joinpath(".pg_service.conf").write_text(service)
    passwords = home / ".pgpass"
    passwords.write_text(f"localhost:{server.port}:*:postgres:{server.password}\n")
    passwords.chmod(0o600)
    found = await session(Address.of(None, {"PGSERVICE": "mine"}))
    assert (found["user"], found["ssl"]) == ("postgres", True)


async def test_the_second_host_is_tried_when_the_first_is_gone(server: Postgres) -> None:
    """Several hosts are tried in their order."""
    hosts = f"host=/nowhere,localhost port={server.port},{server.port} user=postgres"
    found = await session(Address.of(hosts, {}, password=TextOrFile(server.password)))
    assert found["user"] == "postgres"


async def test_a_refused_login_says_that_the_password_file_was_left_out(
    server: Postgres, tmp_path: Path
) -> None:
    """Else the password that is written there would be looked for at the server."""
    file = tmp_path / "passwords"
    file.write_text(f"*:*:*:*:{server.password}\n")
    file.chmod(0o644)
    address = Address.of(f"host=localhost port={server.port} user=postgres passfile={file}", {})
    with pytest.raises(ConnectFailure, match=r"password authentication failed.* is ignored: "):
        await Connector(address, 5, 20).open(None)
    file.chmod(0o600)
    session = await Connector(address, 5, 20).open(None)
    await session.close()
