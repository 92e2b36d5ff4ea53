"""A defect in one collector is that collector's failure: counted, logged once, and unknown."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from alerts._base import State
from alerts.history.recorder import Recorder
from collectors._base import AnyAnswer, AnyCollector
from collectors.activity import activity
from collectors.databases import databases
from collectors.extensions import extensions
from collectors.progress import progress
from collectors.settings import settings
from collectors.wal_position import wal_position
from monitor.clock import Clock
from monitor.exposition.render import Renderer
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.until import until

pytestmark = pytest.mark.versions(14, 18)
Patch = pytest.MonkeyPatch


class Defect(Exception):
    """What no collector is expected to raise."""


def no_row(of: AnyCollector, patch: Patch) -> None:
    """Its row type refuses what the server sends."""

    def refuse(*_: Any, **columns: Any) -> None:
        raise Defect

    patch.setattr(of.row, "__init__", refuse)


def no_record(of: AnyCollector, patch: Patch) -> None:
    """Its history can't be kept."""
    record = Recorder.record

    def refuse(recorder: Recorder, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is of:
            raise Defect
        record(recorder, collector, answer)

    patch.setattr(Recorder, "record", refuse)


def no_metrics(of: AnyCollector, patch: Patch) -> None:
    """Its samples can't be made."""
    render = Renderer.render

    def refuse(renderer: Renderer, *arguments: Any) -> Any:
        if renderer.collector is of:
            raise Defect
        return render(renderer, *arguments)

    patch.setattr(Renderer, "render", refuse)
    patch.setattr(Renderer, "has_rendered", lambda *_: False)


@pytest.fixture
def patch() -> Iterator[Patch]:
    """Undone within the test too."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def succeeded(watched: Watched, of: AnyCollector) -> float:
    """When it last succeeded everywhere."""
    return min(s.succeeded or 0.0 for s in watched.server.round_log.parts(of))


def failures(watched: Watched, of: AnyCollector) -> int:
    return max(status.failures for status in watched.server.round_log.parts(of))


async def goes_on(watched: Watched, of: AnyCollector) -> None:
    """It is asked and answered once more."""
    before = succeeded(watched, of)

    async def again() -> bool:
        return succeeded(watched, of) > before

    await until(again, f"{of.name} is asked again")


async def has_failed(watched: Watched, of: AnyCollector, times: int) -> None:
    async def enough() -> bool:
        return failures(watched, of) >= times

    await until(enough, f"{of.name} has failed {times} times")


def served(watched: Watched, family: str) -> bool:
    return family.encode() in watched.fleet.store.page("it").body


@pytest.mark.parametrize("breaks", [no_row, no_record])
async def test_it_is_unknown_at_once_and_the_rest_of_its_lane_is_asked(
    private_server: PrivateServers,
    watch: Watch,
    patch: Patch,
    breaks: Callable[[AnyCollector, Patch], None],
) -> None:
    """Of the fast lane the first one breaks: nothing old stays on show, the log has one line, and
    once it works again it is known again."""
    watched = await watch(private_server().dsn(user=MONITOR))
    await watched.until_seen()
    assert served(watched, "pg_wait_event_looks_total")
    with capture_logs() as logs:
        breaks(activity, patch)
        await has_failed(watched, activity, 2)
        assert not watched.server.snapshot().has(activity)
        assert not served(watched, "pg_wait_event_looks_total")
        await goes_on(watched, wal_position)
        unknown = watched.verdict("connection_saturation")
        assert "defect in pgvigil: Defect" in str(unknown.reason)
        [told] = [entry for entry in logs if entry["event"] == "collector broke"]
        assert told["collector"] == activity.name
        assert not [entry for entry in logs if entry["event"] == "job failed"]
    patch.undo()

    async def known() -> bool:
        return watched.server.snapshot().has(activity)

    await until(known, "it is known again")
    assert failures(watched, activity) == 0


async def test_what_was_read_stays_known_where_it_can_t_be_published(
    private_server: PrivateServers, watch: Watch, patch: Patch
) -> None:
    """Judges have newer rows than the page, which loses the old ones."""
    watched = await watch(private_server().dsn(user=MONITOR))
    await watched.until_seen()
    assert served(watched, "pg_stat_database_xact_commit")
    no_metrics(databases, patch)
    await has_failed(watched, databases, 1)
    assert watched.server.snapshot().has(databases)
    assert not served(watched, "pg_stat_database_xact_commit")
    await goes_on(watched, settings)


@pytest.mark.parametrize("breaks", [no_row, no_record, no_metrics])
async def test_in_a_database_the_others_are_asked_too(
    private_server: PrivateServers,
    watch: Watch,
    patch: Patch,
    breaks: Callable[[AnyCollector, Patch], None],
) -> None:
    """Neither reading nor combining the answers of all databases ends a walk."""
    watched = await watch(private_server().dsn(user=MONITOR))
    await watched.until_seen()
    breaks(extensions, patch)
    await has_failed(watched, extensions, 1)
    await goes_on(watched, progress)
    patch.undo()

    async def well() -> bool:
        return failures(watched, extensions) == 0 and watched.server.snapshot().has(extensions)

    await until(well, "it is known again")


async def test_an_expiry_that_breaks_ends_no_pulse(
    private_server: PrivateServers, watch: Watch, patch: Patch
) -> None:
    """The rows of a database expire and what is left can't be combined: all others are judged."""
    watched = await watch(private_server().dsn(user=MONITOR))
    await watched.until_seen()
    no_record(extensions, patch)
    with capture_logs() as logs:
        watched.server.upkeep.clock = Clock()
        patch.setattr(watched.server.upkeep.clock, "now", lambda: watched.server.clock.now() + 1e6)
        watched.server.reported = 0.0  # else nothing is looked through for some seconds
        await watched.server.pulse()
        assert not watched.server.snapshot().has(extensions)
        assert not [entry for entry in logs if entry["event"] == "job failed"]
    assert watched.verdict("connection_saturation").state is State.unknown
