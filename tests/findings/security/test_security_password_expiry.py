"""security_password_expiry: before the end, and critical where the role is in use."""

from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts.findings.security.security_password_expiry import finding
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import activity
from collectors.roles import DatabaseRole, roles
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.session_rows import AT, seen, sessions

DAY = 86_400.0


def ends(days: float | None, count: int = 0, can_login: bool = True, kind: str = "") -> Snapshot:
    until = None if days is None else AT + days * DAY
    row = DatabaseRole("app", -1, can_login, False, False, valid_until=until)
    rows = sessions(count, backend_type=kind or "client backend")
    return seen((roles, [row]), (activity, rows))


@pytest.mark.parametrize(
    ("snapshot", "severity"),
    [
        (ends(None, 9), None),
        (ends(14.0, 9), None),
        (ends(13.9, 9), Severity.warning),
        (ends(2.9), Severity.warning),
        (ends(2.9, 1), Severity.critical),
        (ends(2.9, 1, kind="walsender"), Severity.critical),
        (ends(-1, 1), Severity.critical),
        (ends(-29), Severity.warning),
        (ends(-31), None),
        (ends(-31, 1), Severity.critical),
        (ends(float("-inf")), None),
        (ends(float("-inf"), 1), Severity.critical),
        (ends(2.9, can_login=False), None),
    ],
)
def test_limits(snapshot: Snapshot, severity: Severity | None) -> None:
    """An end long ago of a role without sessions was meant."""
    assert verdict_of(finding, snapshot).severity is severity


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(ends(1), answers={}, absent={roles: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers, psql: Psql) -> None:
    """A role with an odd name; with a session it is critical."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute('create role "o\'dd" login')
        [(end,)] = await admin.fetch("select (now() + interval '2 days')::text")

        async def judged() -> Verdict:
            async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
                snapshot = await look(connection, roles, activity)
            return verdict_of(finding, snapshot)

        assert (await judged()).state is State.healthy
        await admin.execute(f"alter role \"o'dd\" valid until '{end}'")
        assert (await judged()).severity is Severity.warning
        async with connected(server.dsn("postgres", "o'dd")):
            [subject] = (await judged()).subjects
            assert subject.evidence.severity is Severity.critical
            await admin.execute("alter role \"o'dd\" valid until '-infinity'")
            [subject] = (await judged()).subjects
            assert "has always been expired (VALID UNTIL '-infinity')" in subject.evidence.message
            await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
            assert (await judged()).state is State.healthy
