"""security_no_tls: the network, not the machine itself."""

from dataclasses import replace

import pytest

from alerts._base import State
from alerts.findings.security.security_no_tls import finding
from alerts.snapshot import Snapshot
from collectors._base import Absence
from collectors.activity import activity
from collectors.tls_sessions import TlsSessions, tls_sessions
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.session_rows import seen, sessions


def present(plain: int, local: int) -> Snapshot:
    rows = [TlsSessions("none", "", "", plain), TlsSessions("tls", "TLSv1.3", "x", 5)]
    return seen((tls_sessions, rows), (activity, sessions(local, client_addr="127.0.0.1")))


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (present(1, 0), State.ill),
        (present(3, 2), State.ill),
        (present(3, 3), State.healthy),
        (present(0, 2), State.healthy),
    ],
)
def test_limits(snapshot: Snapshot, state: State) -> None:
    assert verdict_of(finding, snapshot).state is state


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(present(1, 0), answers={}, absent={tls_sessions: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(18)
async def test_sessions_of_the_machine_itself_are_no_matter(private_server: PrivateServers) -> None:
    server = private_server(loopback=True)
    async with watching(dsn=server.dsn()) as connection, connected(server.dsn(tcp=True)):
        verdict = verdict_of(finding, await look(connection, tls_sessions, activity))
    assert verdict.state is State.healthy
