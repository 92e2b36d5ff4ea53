"""security_superusers: applications, not people and not the machine itself."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.security.security_superusers import finding
from alerts.snapshot import Snapshot
from collectors._base import Absence
from collectors.activity import activity
from collectors.roles import DatabaseRole, roles
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.session_rows import seen, sessions


def present(count: int = 2, superuser: bool = True, **traits: Any) -> Snapshot:
    rows = sessions(count, **{"client_addr": "10.0.0.9"} | traits)
    return seen((roles, [DatabaseRole("app", -1, True, superuser, False)]), (activity, rows))


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (present(), State.ill),
        (present(application_name=None), State.ill),
        (present(count=1), State.healthy),
        (present(superuser=False), State.healthy),
        (present(client_addr=None), State.healthy),
        (present(application_name="psql"), State.healthy),
        (present(application_name="pgAdmin 4 - DB:shop"), State.healthy),
        (present(application_name="Patroni restapi"), State.healthy),
        (present(backend_type="walsender"), State.healthy),
        (present(is_self=True), State.healthy),
    ],
)
def test_what_is_an_application(snapshot: Snapshot, state: State) -> None:
    assert verdict_of(finding, snapshot).state is state


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(present(), answers={}, absent={roles: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(14, 18)
async def test_on_a_real_server(private_server: PrivateServers) -> None:
    """Over TCP; it is gone with the sessions, as after the cure, which moves them to a role."""
    server = private_server(loopback=True)
    tcp = server.dsn(tcp=True)
    async with watching(dsn=server.dsn()) as connection:
        async with connected(tcp), connected(tcp):
            ill = verdict_of(finding, await look(connection, roles, activity))
        well = verdict_of(finding, await look(connection, roles, activity))
    assert len(ill.subjects) == 1
    assert not well.subjects
