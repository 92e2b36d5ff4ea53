"""extension_outdated: newer files than objects."""

from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts.findings.schema.extension_outdated import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.extensions import Extension, extensions
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, PrivateServers, Psql, connected
from tests.fixtures.session_rows import seen

ROW = Extension(
    datname="shop",
    extname="pg_trgm",
    schemaname="public",
    version="1.5",
    default_version="1.6",
)


def test_only_what_can_be_updated() -> None:
    [subject] = verdict_of(finding, seen((extensions, [ROW]))).subjects
    assert subject.evidence.severity is Severity.info
    for version in ("1.5", None):
        row = replace(ROW, default_version=version)
        assert verdict_of(finding, seen((extensions, [row]))).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={extensions: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(18)
async def test_files_that_are_older_than_what_is_used(private_server: PrivateServers) -> None:
    """No statement is printed that would fail."""
    server = private_server()
    home = server.owner.place(server.folder / "share") / "extension"
    home.mkdir()
    for name, text in (
        ("odd.control", "default_version = '2.0'"),
        ("odd--1.0.sql", "select 1"),
        ("odd--2.0.sql", "select 1"),
    ):
        (home / name).write_text(text)
    async with connected(server.dsn()) as admin:
        path = f"alter system set extension_control_path = '$system:{home.parent}'"
        await admin.execute(path)
        await admin.execute("select pg_reload_conf()")
    async with connected(server.dsn()) as admin:
        await admin.execute("create extension odd")
    (home / "odd.control").write_text("default_version = '1.0'")
    async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
        [subject] = verdict_of(finding, await look(connection, extensions)).subjects
    assert subject.evidence.message.endswith("and no script leads from the one to the other.")
    assert all(line.startswith("--") for line in subject.evidence.cure)


@pytest.mark.versions(14, 18)
async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """An older version than that of the files, as after an upgrade of the server."""

    async def judged() -> Verdict:
        async with watching(dsn=database.monitor_dsn) as connection:
            return verdict_of(finding, await look(connection, extensions))

    assert (await judged()).state is State.healthy
    await database.execute("create extension pg_stat_statements version '1.8'")
    [subject] = (await judged()).subjects
    await psql(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    assert (await judged()).state is State.healthy
