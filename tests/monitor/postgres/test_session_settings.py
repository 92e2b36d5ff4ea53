"""Our sessions beside code and defaults of the server: neither changes the other."""

import json

import asyncpg
import pytest

from alerts._base import State
from monitor.postgres import session_settings
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

LOG_LOGINS = """
    create table logins (who text, at timestamptz);
    create function log_login() returns event_trigger language plpgsql security definer as $$
    begin
        if not pg_is_in_recovery() then
            insert into public.logins values (session_user, now());
            execute 'create temp table pg_class (relname text)';
            execute 'listen hostile';
            perform pg_notify('hostile', repeat('é', 3000));
        end if;
    end $$;
    create event trigger log_login on login execute function log_login();
"""
CONTRARY = {
    "search_path": "contrary",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "datestyle": "German",
    "intervalstyle": "iso_8601",
    "timezone": "Asia/Tokyo",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "quote_all_identifiers": "on",
    "client_min_messages": "debug5",
    "max_parallel_workers_per_gather": "4",
    "statement_timeout": "1h",
    "lock_timeout": "1h",
    "idle_in_transaction_session_timeout": "1ms",
    "exit_on_error": "on",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "join_collapse_limit": "1",
    "work_mem": "64kB",
    "temp_file_limit": "0",
}
NOT_OURS = {"temp_file_limit"}
"""Only superusers set it; with enough memory, nothing of ours meets it."""
SINCE_17 = {"transaction_timeout": "50ms", "restrict_nonsystem_relation_kind": "view"}


@pytest.mark.versions(17, 18)
async def test_a_login_trigger_that_writes_lets_us_in(
    private_server: PrivateServers, watch: Watch
) -> None:
    """The manual's own example; what it makes or listens to in our session changes nothing."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute(LOG_LOGINS)
        watched = await watch(server.dsn(user=MONITOR))
        await watched.until_seen()
        assert watched.verdict("server_unreachable").state is State.healthy
        assert failing(watched) == {}
        assert await admin.fetchval("select count(*) from logins where who = $1", MONITOR) >= 2


@pytest.mark.versions(14, 18)
async def test_a_standby_whose_transactions_are_serializable_by_default_is_watched(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Such a standby refuses every query that does not ask for another isolation level."""
    primary = private_server()
    standby = private_server.standby(primary, default_transaction_isolation="serializable")
    async with connected(standby.dsn()) as session:
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            await session.fetchval("select 1")
    watched = await watch(standby.dsn(user=MONITOR))
    await watched.until_seen()
    assert watched.verdict("server_unreachable").state is State.healthy
    assert failing(watched) == {}


@pytest.mark.versions(14, 18)
async def test_read_write_finds_the_primary(private_server: PrivateServers, watch: Watch) -> None:
    """It asks for the server's default_transaction_read_only, not for that of our session."""
    server = private_server(loopback=True)
    address = f"{server.dsn(user=MONITOR, tcp=True)}?target_session_attrs=read-write"
    watched = await watch(address)
    await until(watched.is_up, "it is watched")


@pytest.mark.versions(14, 18)
async def test_defaults_of_our_role_do_not_change_us(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Whatever is set for it: the answers and the limits are the same."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        is_recent = admin.get_server_version().major >= 17
        contrary = CONTRARY | (SINCE_17 if is_recent else {})
        for name, value in contrary.items():
            await admin.execute(f"alter role {MONITOR} set {name} = '{value}'")
        watched = await watch(server.dsn(user=MONITOR))
        await watched.until_seen()
    assert failing(watched) == {}
    session = watched.server.sessions.any
    assert session is not None
    wanted = session_settings.own_settings(5, session.identity.version)
    names = "{" + ",".join({*wanted, *contrary} - NOT_OURS) + "}"
    rows = await session.fetch(
        f"select json_object_agg(name, current_setting(name)) from unnest('{names}'::text[]) name",
        5,
    )
    now = json.loads(rows[0][0])
    assert now["search_path"] == "pg_catalog, pg_temp"
    assert now["default_transaction_isolation"] == "read committed"
    assert (now["lock_timeout"], now["timezone"], now["jit"]) == ("100ms", "UTC", "off")
    assert {name for name in contrary if now.get(name) == contrary[name]} == set()


async def test_only_our_name_is_in_the_start_up_packet() -> None:
    """Whatever else is there applies to the code that runs at login."""
    assert set(session_settings.START_UP) == {"application_name"}


def failing(watched: Watched) -> dict[str, str]:
    return {
        collector.name: status.error
        for collector, _, status in watched.server.round_log.entries()
        if status.failures and status.error
    }
