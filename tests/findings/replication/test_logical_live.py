"""Logical replication between two real servers: each illness made, found, repaired as it says."""

import re
from datetime import timedelta
from functools import partial

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.replication import (
    logical_apply_errors,
    logical_spill,
    logical_subscription_down,
    logical_table_not_synced,
    replica_identity_missing,
    slot_inactive,
    subscription_auto_disabled,
)
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors.published_tables import published_tables
from collectors.replication_slots import replication_slots
from collectors.settings import settings
from collectors.slot_statistics import slot_statistics
from collectors.subscription_tables import subscription_tables
from collectors.subscriptions import subscriptions
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

COLLECTORS = (
    settings,
    replication_slots,
    subscriptions,
    subscription_tables,
    published_tables,
    slot_statistics,
)
ENABLE = re.compile(r'ALTER SUBSCRIPTION "Odd sub" ENABLE;')
START = 1_800_000_000.0
RUNNING = "select pid is not null from pg_stat_subscription where relid is null"
SYNCED = "select count(*) = 0 from pg_subscription_rel where srsubstate <> 'r'"


async def judged(
    server: Postgres,
    finding: AnyFinding,
    recorder: Recorder | None = None,
    seconds: float = 0,
    **limits: object,
) -> Verdict:
    recorder = recorder or Recorder(wants=finding.history)
    async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
        snapshot = await look(connection, *COLLECTORS, at=START + seconds, recorder=recorder)
    return verdict_of(finding, snapshot, limits=type(finding.limits)(**limits))


async def errors(server: Postgres) -> int:
    async with connected(server.dsn()) as admin:
        return int(
            await admin.fetchval(
                "select sum(apply_error_count + sync_error_count) from pg_stat_subscription_stats"
            )
        )


async def slot_is_unused(publisher: Postgres) -> None:
    """A subscription that is disabled leaves its slot behind, which keeps WAL."""

    async def told() -> Verdict | None:
        verdict = await judged(publisher, slot_inactive.finding, inactive=timedelta(0))
        return verdict if verdict.subjects else None

    found = await until(told, "nothing reads the slot")
    assert found
    [subject] = found.subjects
    assert subject.evidence.subject == "odd_sub"
    assert all(line.startswith("--") for line in subject.evidence.cure)


@pytest.mark.versions(14, 18)
async def test_story_of_a_subscription(
    private_server: PrivateServers, psql: Psql, paste: Psql
) -> None:
    publisher = private_server(wal_level="logical", logical_decoding_work_mem="64kB")
    subscriber = private_server(wal_retrieve_retry_interval="100ms")
    down, failing = logical_subscription_down.finding, logical_apply_errors.finding
    async with connected(publisher.dsn()) as there, connected(subscriber.dsn()) as here:
        modern = there.get_server_version().major >= 15
        table = 'create table "Odd orders" (id int not null, note text)'
        await there.execute(table)
        await there.execute('create unique index odd_id on "Odd orders" (id)')
        await there.execute("create publication news for all tables")

        # Updates fail on the publisher, until its rows have an identity.
        [lacking] = (await judged(publisher, replica_identity_missing.finding)).subjects
        assert lacking.evidence.facts["usable_index"] == "odd_id"
        with pytest.raises(Exception, match="replica identity"):
            await there.execute("update \"Odd orders\" set note = 'x'")
        await paste(publisher.dsn(), "\n".join((lacking.evidence.check, *lacking.evidence.cure)))
        assert (await judged(publisher, replica_identity_missing.finding)).state is State.healthy

        # A key that may be checked at the end of the transaction is none.
        await there.execute("create table later (id int primary key deferrable)")
        [lacking] = (await judged(publisher, replica_identity_missing.finding)).subjects
        assert "no primary key, or a DEFERRABLE one" in lacking.evidence.message
        with pytest.raises(Exception, match="replica identity"):
            await there.execute("update later set id = 2")
        await paste(publisher.dsn(), "\n".join((lacking.evidence.check, *lacking.evidence.cure)))
        assert (await judged(publisher, replica_identity_missing.finding)).state is State.healthy
        await there.execute("drop table later")
        await there.execute("insert into \"Odd orders\" values (1, 'a')")

        # A copy that can't begin: the row is here already.
        await here.execute(table.replace("id int not null", "id int primary key"))
        await here.execute("insert into \"Odd orders\" values (1, 'mine')")
        address = f"host={publisher.folder} port={publisher.port} user=postgres dbname=postgres"
        await here.execute(
            f"create subscription \"Odd sub\" connection '{address}' publication news"
            " with (slot_name = odd_sub, streaming = off)"
        )
        await until(partial(here.fetchval, RUNNING), "the worker runs")
        unsynced = logical_table_not_synced.finding
        recorder = Recorder(wants=unsynced.history)
        waits = "select bool_and(pid is null) from pg_stat_subscription where relid is not null"
        await judged(subscriber, unsynced, recorder)

        async def standing() -> Verdict | None:
            verdict = await judged(subscriber, unsynced, recorder, 5, standing=timedelta(0))
            return verdict if verdict.subjects else None

        found = await until(standing, "no worker copies")
        assert found, waits
        [subject] = found.subjects
        assert '"Odd' not in subject.evidence.subject
        assert subject.evidence.facts["first_table"] == "public.Odd orders"
        await paste(subscriber.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
        await here.execute('truncate "Odd orders"')
        await until(partial(here.fetchval, SYNCED), "the table is copied")
        assert (await judged(subscriber, unsynced, recorder, 9)).state is State.healthy

        # A change that can't be applied: a duplicate key.
        history = Recorder(wants=failing.history)
        await here.execute("insert into \"Odd orders\" values (2, 'mine')")
        await judged(subscriber, failing, history)
        known = await errors(subscriber) if modern else 0
        await there.execute("insert into \"Odd orders\" values (2, 'theirs')")
        if modern:

            async def failed() -> bool:
                return await errors(subscriber) >= known + 3

            await until(failed, "it fails again and again")
            [subject] = (await judged(subscriber, failing, history, 30)).subjects
            assert "failed at a change" in subject.evidence.message
        else:
            verdict = await judged(subscriber, failing, history, 30)
            assert verdict.state is State.unknown

            async def dead() -> Verdict | None:
                verdict = await judged(subscriber, down)
                return verdict if verdict.subjects else None

            await until(dead, "it has no worker for most of the time")
            [subject] = (await until(dead, "it has no worker")).subjects  # type: ignore[union-attr]
        assert all(line.startswith("--") for line in subject.evidence.cure)
        await paste(subscriber.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))

        if modern:
            await here.execute('alter subscription "Odd sub" set (disable_on_error = true)')
            off = "select not subenabled from pg_subscription"
            await until(partial(here.fetchval, off), "it disables itself")
            disabled = subscription_auto_disabled.finding
            [subject] = (await judged(subscriber, disabled)).subjects
            assert subject.evidence.severity == "critical"
            await slot_is_unused(publisher)
            await here.execute('delete from "Odd orders" where id = 2')
            [enable] = ENABLE.findall("\n".join(subject.evidence.cure))
            await paste(subscriber.dsn(), f"{subject.evidence.check}\n{enable}")
            assert (await judged(subscriber, disabled)).state is State.healthy
            # Else the end of the publisher would disable it again.
            await here.execute('alter subscription "Odd sub" set (disable_on_error = false)')
        else:
            await here.execute('alter subscription "Odd sub" disable')
            await slot_is_unused(publisher)
            assert (await judged(subscriber, down)).state is State.healthy, "by choice"
            await here.execute('delete from "Odd orders" where id = 2')
            await here.execute('alter subscription "Odd sub" enable')
        arrived = "select note = 'theirs' from \"Odd orders\" where id = 2"
        await until(partial(here.fetchval, arrived), "the change is applied")
        # Between the last look and the cure it failed again; since this one it does not.
        await judged(subscriber, failing, history, 2000)
        assert not (await judged(subscriber, failing, history, 4000)).subjects

        # More than fits into the memory of decoding.
        spill = logical_spill.finding
        memory = Recorder(wants=spill.history)
        await judged(publisher, spill, memory)
        await there.execute(
            "insert into \"Odd orders\" select n, repeat('x', 100) from generate_series(10, 5000) n"
        )
        spilled = "select spill_bytes > 0 from pg_stat_replication_slots"
        await until(partial(there.fetchval, spilled), "decoding spills")
        [subject] = (await judged(publisher, spill, memory, 3600, spilled=1)).subjects
        await paste(publisher.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))

        # The publisher is gone.
        await there.close()
        publisher.stop("immediate")
        stopped = RUNNING.replace("is not", "is")
        await until(partial(here.fetchval, stopped), "the worker has ended")
        [subject] = (await judged(subscriber, down)).subjects
        assert "is enabled but" in subject.evidence.message
        publisher.start()

        async def well() -> bool:
            return (await judged(subscriber, down)).state is State.healthy

        await until(well, "the worker is connected again")
