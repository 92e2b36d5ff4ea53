"""TLS that fails on a real server: each reason is one sentence that names what to mend."""

import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from collectors.connection import Cause
from monitor.address import Address
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres
from monitor.postgres.connector import Connector
from monitor.postgres.errors import ConnectFailure
from tests.fixtures.certificates import Authority, Pair
from tests.fixtures.requirements import Missing, Tool
from tests.fixtures.tls_server import DEBIAN
from tests.fixtures.until import until

PASSPHRASE = "open sesame"
ROLE = "by_certificate"


@dataclass
class Place:
    """A server that asks `by_certificate` for a certificate, and files beside it."""

    server: Postgres
    folder: Path

    def dsn(self, more: str, **names: str) -> str:
        where = f"host=127.0.0.1 port={self.server.port} user=postgres dbname=postgres"
        files = {key: self.folder / name for key, name in names.items()}
        named = " ".join(f"{key}='{path}'" for key, path in files.items())
        return f"{where} password={self.server.password} {named} {more}"

    async def shows(self, pair: Pair) -> None:
        """Have the server show this certificate to new sessions."""
        for source, name in ((pair.certificate, "server.crt"), (pair.key, "server.key")):
            target = self.server.data / name
            target.write_bytes(source.read_bytes())
            target.chmod(0o600)
            self.server.owner.take(target)
        self.server.reload()

        shown = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())

        async def is_shown() -> bool:
            session = await Connector(Address.of(self.dsn("sslmode=require"), {}), 5, 20).open(None)
            found = session.wire.certificate
            await session.close()
            return found == shown

        await until(is_shown, f"the server shows {pair.certificate.name}")


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, missing: Missing, tool: Tool
) -> Iterator[Place]:
    if not DEBIAN.exists():
        missing.leave_out("PostgreSQL 15 with TLS", "apt-get install postgresql-15")
    folder, openssl = tmp_path_factory.mktemp("tls"), tool("openssl")
    ours, foreign = Authority(folder, openssl), Authority(folder, openssl, "foreign")
    good = ours.issue("good", "IP:127.0.0.1")
    ours.issue("elsewhere", "DNS:db.example")
    ours.issue(ROLE, "DNS:client")
    foreign.issue("stranger", "DNS:client")
    locked = ("ec", "-in", folder / f"{ROLE}.key", "-aes256", "-passout", f"pass:{PASSPHRASE}")
    again = ("x509", "-req", "-days", "-1", "-extfile", "good.ext", "-in", "good.csr")
    by = ("-CA", ours.certificate, "-CAkey", "authority.key", "-CAcreateserial")
    for words in ((*locked, "-out", "locked.key"), (*again, *by, "-out", "expired.pem")):
        subprocess.run([openssl, *words], check=True, capture_output=True, cwd=folder)
    folder.joinpath("expired.key").write_bytes(good.key.read_bytes())
    folder.joinpath("noise").write_text("no certificate\n")
    owner = Owner.unprivileged()
    server = Postgres(Binaries.at(DEBIAN), owner.scratch(), owner, loopback=True)
    try:
        server.create({"ssl": "on", "ssl_ca_file": "ca.pem"})
        for source, name in (
            (good.certificate, "server.crt"),
            (good.key, "server.key"),
            (ours.certificate, "ca.pem"),
        ):
            target = server.data / name
            target.write_bytes(source.read_bytes())
            target.chmod(0o600)
            owner.take(target)
        hba = server.data / "pg_hba.conf"
        entry = f"hostssl all {ROLE} all cert\n"
        hba.write_text(entry + hba.read_text())
        server.start()
        psql = server.binaries.program("psql")
        owner.run([psql, "-X", "-c", f"CREATE ROLE {ROLE} LOGIN", server.dsn()])
        yield Place(server, folder)
    finally:
        server.remove()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def refusal(dsn: str) -> ConnectFailure | None:
    """Why we did not log in; None if we did."""
    try:
        session = await Connector(Address.of(dsn, {}), 5, 20).open(None)
    except ConnectFailure as failure:
        return failure
    await session.close()
    return None


@pytest.mark.parametrize(
    ("shown", "mode", "root", "reason"),
    [
        ("good", "verify-full", "authority.pem", None),
        ("good", "verify-ca", "foreign.pem", "we do not trust its authority"),
        ("good", "require", "foreign.pem", "we do not trust its authority"),
        ("elsewhere", "verify-ca", "authority.pem", None),
        ("elsewhere", "verify-full", "authority.pem", "not valid for '127.0.0.1'"),
        ("expired", "verify-ca", "authority.pem", "certificate has expired"),
    ],
)
async def test_why_a_certificate_is_not_accepted(
    place: Place, shown: str, mode: str, root: str, reason: str | None
) -> None:
    """Wrong authority, wrong host name and expired are three things to mend."""
    pair = Pair(place.folder / f"{shown}.pem", place.folder / f"{shown}.key")
    await place.shows(pair)
    failure = await refusal(place.dsn(f"sslmode={mode}", sslrootcert=root))
    assert (failure and failure.cause) == (Cause.tls if reason else None)
    assert failure is None or (reason and reason in failure.message)


@pytest.mark.parametrize(
    ("files", "more", "reason"),
    [
        ({"sslcert": f"{ROLE}.pem", "sslkey": f"{ROLE}.key"}, "", None),
        ({"sslcert": f"{ROLE}.pem", "sslkey": "locked.key"}, f"sslpassword='{PASSPHRASE}'", None),
        ({"sslcert": f"{ROLE}.pem", "sslkey": "locked.key"}, "", "passphrase: set sslpassword"),
        (
            {"sslcert": f"{ROLE}.pem", "sslkey": "locked.key"},
            "sslpassword=h0nter2",
            "sslpassword is not the passphrase of the key",
        ),
        ({"sslcert": f"{ROLE}.pem", "sslkey": "good.key"}, "", "does not belong to the"),
        ({"sslcert": f"{ROLE}.pem", "sslkey": "noise"}, "", "noise contains no key"),
        ({"sslcert": f"{ROLE}.pem"}, "", "has no key: set sslkey"),
        ({"sslcert": "noise", "sslkey": f"{ROLE}.key"}, "", "noise contains no certificate"),
        ({"sslrootcert": "noise"}, "", "noise contains no certificate"),
        ({"sslcrl": "noise"}, "", "noise contains no revocation list"),
    ],
)
async def test_the_file_at_fault_is_named(
    place: Place, files: dict[str, str], more: str, reason: str | None
) -> None:
    """No password is shown, and none is asked for at the terminal."""
    dsn = place.dsn(f"sslmode=require user={ROLE} {more}", **files)
    if reason is None:
        assert await refusal(dsn) is None
        return
    with pytest.raises(ConnectFailure, match=reason) as refused:
        await Connector(Address.of(dsn, {}), 5, 20).open(None)
    assert refused.value.cause is Cause.address
    assert "h0nter2" not in refused.value.message


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "connection requires a valid client certificate"),
        # The reason, unknown ca, is lost where the server resets the connection behind its alert.
        ({"sslcert": "stranger.pem", "sslkey": "stranger.key"}, r"our certificate \(sslcert\)"),
    ],
)
async def test_a_certificate_that_the_server_wants_is_no_password(
    place: Place, files: dict[str, str], reason: str
) -> None:
    """Neither where none is sent, nor where the server does not trust its authority."""
    dsn = place.dsn(f"sslmode=require user={ROLE}", **files)
    with pytest.raises(ConnectFailure, match=reason) as refused:
        await Connector(Address.of(dsn, {}), 5, 20).open(None)
    assert refused.value.cause is Cause.tls


async def test_a_server_before_17_does_not_know_direct_tls(place: Place) -> None:
    """It ends the connection without a word, as it takes our TLS for a start-up packet."""
    failure = await refusal(place.dsn("sslmode=require sslnegotiation=direct"))
    assert failure
    assert failure.cause is Cause.tls
    assert "from 17 on" in failure.message


async def test_each_host_is_sent_its_own_password(place: Place, home: Path) -> None:
    """Not that of another host, although both are in the password file."""
    port, socket = place.server.port, place.server.folder
    file = home / ".pgpass"
    file.write_text(f"elsewhere:1:*:*:h0nter2\n127.0.0.1:{port}:*:*:{place.server.password}\n")
    file.chmod(0o600)
    hosts = f"host=/nowhere,127.0.0.1 port=1,{port} user=postgres dbname=postgres"
    assert await refusal(f"{hosts} sslmode=disable") is None
    file.write_text(f"/nowhere:1:*:*:h0nter2\n127.0.0.1:{port}:*:*:{place.server.password}\n")
    assert await refusal(f"{hosts} sslmode=disable") is None
    file.write_text(f"/nowhere:1:*:*:{place.server.password}\n")
    failure = await refusal(f"{hosts} sslmode=disable")
    assert failure
    assert failure.sqlstate == asyncpg.InvalidPasswordError.sqlstate
    assert await refusal(f"host={socket} port={port} user=postgres dbname=postgres") is None
