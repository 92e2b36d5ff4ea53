"""security_md5_passwords: the setting alone, for hashes are not ours to read."""

from dataclasses import replace

import pytest

from alerts._base import State
from alerts.findings.security.security_md5_passwords import finding
from collectors._base import Absence
from collectors.settings import settings
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until


@pytest.mark.parametrize(
    ("value", "state"),
    [("md5", State.ill), ("scram-sha-256", State.healthy), (None, State.unknown)],
)
def test_the_setting(value: str | None, state: State) -> None:
    row = setting("password_encryption", value, vartype="enum")
    assert verdict_of(finding, with_settings(row)).state is state


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(with_settings(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers) -> None:
    server = private_server(password_encryption="md5")

    async def state() -> State:
        async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
            verdict = verdict_of(finding, await look(connection, settings))
        cures.extend(line for s in verdict.subjects for line in s.evidence.cure)
        return verdict.state

    cures: list[str] = []
    assert await state() is State.ill
    advice = next(line for line in cures if "ALTER SYSTEM" in line)
    async with connected(server.dsn()) as admin:
        await admin.execute(advice.partition("; ")[2].partition(";")[0].strip() or advice[3:])
        await admin.execute("select pg_reload_conf()")

    async def well() -> bool:
        return await state() is State.healthy

    await until(well, "the setting is as advised")
