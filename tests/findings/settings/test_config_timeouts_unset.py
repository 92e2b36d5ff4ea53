"""config_timeouts_unset: an application without any timeout; the cure is one for its role."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.settings.config_timeouts_unset import GUARDS, finding
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, AnyCollector
from collectors.activity import activity
from collectors.role_settings import RoleSetting, role_settings
from collectors.roles import DatabaseRole, roles
from collectors.settings import settings
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.session_rows import sessions


def served(
    *own: RoleSetting, count: int = 3, superuser: bool = False, guard: str | None = "0", **who: Any
) -> Snapshot:
    rows = [setting(name, guard, unit="ms", vartype="integer") for name in GUARDS]
    also: list[tuple[AnyCollector, Any]] = [
        (activity, sessions(count, **who)),
        (roles, [DatabaseRole("app", -1, True, superuser, False)]),
        (role_settings, own),
    ]
    return with_settings(*rows, also=also)


IDLE = "idle_in_transaction_session_timeout"


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (served(), State.ill),
        (served(RoleSetting("app", "", IDLE, False)), State.healthy),
        (served(RoleSetting("", "shop", "lock_timeout", False)), State.healthy),
        (served(RoleSetting("app", "shop", "statement_timeout", False)), State.healthy),
        (served(RoleSetting("app", "", IDLE, True)), State.ill),
        (served(RoleSetting("app", "other", IDLE, False)), State.ill),
        (served(RoleSetting("app", "", "work_mem", False)), State.ill),
        (served(count=2), State.healthy),
        (served(superuser=True), State.healthy),
        (served(guard="60000"), State.healthy),
        (served(guard=None), State.unknown),
        (served(backend_type="walsender"), State.healthy),
    ],
)
def test_what_is_a_guard(snapshot: Snapshot, state: State) -> None:
    """Of the server, the role, the database or both; one that is switched off is none."""
    verdict = verdict_of(finding, snapshot)
    assert (verdict.state if not verdict.subjects else State.ill) is state


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(served(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers, psql: Psql) -> None:
    """Whatever the role is called; its own statement is the cure."""
    server = private_server()

    async def judged() -> Verdict:
        async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
            snapshot = await look(connection, settings, role_settings, roles, activity)
        return verdict_of(finding, snapshot)

    async with connected(server.dsn()) as admin:
        await admin.execute('create role "o\'dd" login')
        await admin.execute("alter role \"o'dd\" set statement_timeout = '0s'")
        await admin.execute("alter role \"o'dd\" set lock_timeout = '0 min'")
        assert (await judged()).state is State.healthy
        odd = server.dsn("postgres", "o'dd")
        async with connected(odd), connected(odd), connected(odd):
            [subject] = (await judged()).subjects
            assert subject.evidence.facts["role"] == "o'dd"
            await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
            assert (await judged()).state is State.healthy
