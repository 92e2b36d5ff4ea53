"""config_random_page_cost: judged by measured reads alone."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.settings.config_random_page_cost import (
    OF_CLIENTS,
    READS,
    finding,
)
from alerts.history.recorder import Recorder
from alerts.history.window import CounterWindow, Increases, Sample
from alerts.snapshot import Snapshot
from collectors._base import Absence
from collectors.settings import settings
from collectors.stat_io import stat_io
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.session_rows import AT


def path(*looks: tuple[float, float], timing: str = "on", cost: str = "4") -> Snapshot:
    """Reads and their seconds since the last reset, at looks over an hour."""
    step = 3600 / max(1, len(looks) - 1)
    samples = tuple(
        Sample(AT - 3600 + n * step, (float(reads), seconds))
        for n, (reads, seconds) in enumerate(looks)
    )
    rows = (
        setting("random_page_cost", cost, vartype="real"),
        setting("track_io_timing", timing),
    )
    known: Any = {OF_CLIENTS: CounterWindow(None, samples)} if samples else {}
    snapshot = with_settings(*rows, also=[(stat_io, [])])
    return snapshot.with_histories({READS: Increases(READS.columns, known, AT)})


def measured(reads: float = 10_000, seconds: float = 10.0, **given: str) -> Snapshot:
    """That much in the later half of the hour."""
    return path((5_000, 1.0), (6_000, 2.0), (6_000 + reads, 2.0 + seconds), **given)


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (measured(), State.ill),
        (measured(cost="1.1"), State.healthy),
        (measured(seconds=11.0), State.healthy),
        (measured(reads=9_999), State.healthy),
        (measured(timing="off"), State.unknown),
        (measured(seconds=0.0), State.healthy),
        (path((0, 0.0)), State.healthy),
        (path(), State.learning),
    ],
)
def test_limits(snapshot: Snapshot, state: State) -> None:
    """Ten thousand single reads of up to a millisecond; not timed is not fast."""
    assert verdict_of(finding, snapshot).state is state


def test_reads_from_before_they_were_timed_are_no_fast_ones() -> None:
    """Nor are those of the minute in which timing was switched on."""
    before = (1_000_000, 0.0), (2_000_000, 0.0)
    slow = (3_000_000, 80.0), (3_010_000, 160.0), (3_020_000, 240.0)
    assert verdict_of(finding, path(*before, *slow)).state is State.healthy
    fast = (3_000_000, 80.0), (3_010_000, 81.0), (3_020_000, 82.0)
    [subject] = verdict_of(finding, path(*before, *fast)).subjects
    assert subject.evidence.facts["reads"] == 20_000
    assert subject.evidence.facts["mean_read_seconds"] == pytest.approx(0.0001)


def test_less_than_an_hour_is_learning() -> None:
    snapshot = path((0, 1.0))
    [unknown] = verdict_of(finding, replace(snapshot, at=AT - 600)).unjudged
    assert unknown.until == AT


def test_a_page_of_the_page_cache_takes_some_time() -> None:
    """Less than what a duration shows is not none."""
    for seconds, told in ((10.0, "took 1 ms each"), (0.2, "took less than 1 ms each")):
        [subject] = verdict_of(finding, measured(seconds=seconds)).subjects
        assert told in subject.evidence.message


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(measured(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


BUILT = "create table t as select k, repeat('x', 500) from generate_series(1, 60000) k"
READ = """
    do $$ begin
        set local enable_seqscan = off;
        for n in 1..3000 loop
            perform ctid from t where ctid = format('(%s,1)', n)::tid;
        end loop;
    end $$
"""


@pytest.mark.versions(18)
async def test_timing_that_was_just_switched_on(private_server: PrivateServers) -> None:
    """The untimed reads of before do not make storage fast; timed ones are judged."""
    server = private_server(track_io_timing="off", shared_buffers="1MB")
    recorder, limits = Recorder(finding.history), replace(finding.limits, reads=2_000)
    at = AT

    async def state() -> State:
        async with watching(dsn=server.dsn()) as connection:
            seen = await look(connection, *finding.reads, at=at, recorder=recorder)
        return verdict_of(finding, seen, limits=limits).state

    async def read() -> None:
        async with connected(server.dsn()) as admin:
            await admin.execute(READ)
            await admin.execute("select pg_stat_force_next_flush()")

    async with connected(server.dsn()) as admin:
        await admin.execute(BUILT)
    for _ in range(3):
        await read()
        at += 300
        assert await state() is State.unknown
    async with connected(server.dsn()) as admin:
        await admin.execute("alter system set track_io_timing = on")
        await admin.execute("select pg_reload_conf()")
    states = []
    for _ in range(3):
        await read()
        at += 300
        states.append(await state())
    assert states[0] is not State.ill
    assert states[-1] is State.ill
