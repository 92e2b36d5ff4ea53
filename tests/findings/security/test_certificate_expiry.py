"""certificate_expiry: by the certificate that our own session was shown, and by our own."""

import subprocess
import time
from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts.findings.security.certificate_expiry import finding
from alerts.findings.security.web_certificate_expiry import finding as of_the_web
from collectors._base import Absence
from collectors.certificate import Certificate, certificate
from collectors.daemon import DaemonState, daemon
from collectors.settings import settings
from monitor.address import Address, TextOrFile
from monitor.demo.launcher import Postgres
from monitor.postgres.session import Session
from tests.fixtures.one_look import verdict_of
from tests.fixtures.postgres import connected
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.tls_server import server as tls_server
from tests.fixtures.until import until

DAY = 86400.0
LEFT = [
    (21 * DAY, None),
    (21 * DAY - 1, Severity.warning),
    (3 * DAY, Severity.warning),
    (3 * DAY - 1, Severity.critical),
    (-DAY, Severity.critical),
]
server = tls_server


@pytest.mark.parametrize(("left", "expected"), LEFT)
def test_limits(left: float, expected: Severity | None) -> None:
    """21 days, and three; an expired one too."""
    shown = Certificate(True, AT + left)
    state = DaemonState(1, 0, 60.0, certificate_expires=AT + left)
    for one, snapshot in (
        (finding, seen((certificate, [shown]), (settings, []))),
        (of_the_web, seen((daemon, [state]))),
    ):
        found = [subject.evidence.severity for subject in verdict_of(one, snapshot).subjects]
        assert found == ([expected] if expected else [])


def test_what_is_not_shown_is_unknown() -> None:
    """And our own pages without TLS have none that could expire."""
    for row in (Certificate(False, None), Certificate(True, None)):
        assert verdict_of(finding, seen((certificate, [row]))).state is State.unknown
    blind = replace(seen(), absent={certificate: Absence("no session yet")})
    assert verdict_of(finding, blind).state is State.unknown
    plain = seen((daemon, [DaemonState(1, 0, 60.0)]))
    assert verdict_of(of_the_web, plain).state is State.healthy


async def test_renewed_and_reloaded(server: Postgres) -> None:
    """The one of the server has two days; after its cure the next session is shown another."""

    async def shown() -> Certificate:
        address = f"host=localhost port={server.port} user=postgres sslmode=require"
        session = await Session.open(
            Address.of(address, {}, password=TextOrFile(server.password)), None, 5, 20
        )
        try:
            return session.certificate
        finally:
            await session.close()

    short = await shown()
    now = time.time()
    snapshot = replace(seen((certificate, [short]), (settings, [])), at=now)
    [subject] = verdict_of(finding, snapshot).subjects
    assert subject.evidence.severity is Severity.critical
    renew(server)
    async with connected(server.dsn()) as admin:
        statements = (line for line in subject.evidence.cure if not line.startswith("--"))
        for line in statements:
            await admin.execute(line)

    async def another() -> bool:
        return (await shown()).expires != short.expires

    await until(another, "the new certificate is shown")
    well = replace(seen((certificate, [await shown()]), (settings, [])), at=now)
    assert verdict_of(finding, well).state is State.healthy


def renew(server: Postgres) -> None:
    files = {"-key": server.data / "server.key", "-out": server.data / "server.crt"}
    request = ["openssl", "req", "-x509", "-days", "90", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost"]
    pairs = [str(part) for pair in files.items() for part in pair]
    subprocess.run([*request, *names, *pairs], check=True, capture_output=True)
