"""A defect ends its own part only: what it hides is unknown, all else goes on; it is counted."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from alerts._base import AnyFinding, State
from alerts.history.last_seen import LastSeenRecorder
from alerts.history.window import WindowRecorder
from alerts.verdicts.tracker import VerdictTracker
from monitor import fleet as fleet_of_servers
from monitor.defects import DEFECTS, PARTS
from monitor.exposition import own_samples
from monitor.exposition.own_page import Own
from monitor.views.overview import Overview
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.until import until

pytestmark = pytest.mark.versions(18)
Patch = pytest.MonkeyPatch
HIDDEN = ("deadlocks", "connection_saturation", "table_bloat")
"""Findings that the defects hide, or leave alone."""


class Defect(Exception):
    """What nobody expects."""


def refuse(*_: Any, **__: Any) -> Any:
    raise Defect


@pytest.fixture
def patch() -> Iterator[Patch]:
    """Undone before the server is watched no longer."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
async def watched(private_server: PrivateServers, watch: Watch) -> Watched:
    """A server of which is known what the tests hide."""
    watched = await watch(private_server().dsn(user=MONITOR))
    verdicts = watched.server.judging.verdicts

    async def known() -> bool:
        return all(
            name in verdicts and verdicts[name].state is not State.unknown for name in HIDDEN
        )

    await until(known, f"{HIDDEN} are judged")
    return watched


def counted(part: str) -> int:
    assert part in PARTS
    return DEFECTS.counts[part]


def judged_again(watched: Watched, finding: str) -> Callable[[], Awaitable[bool]]:
    """Whether a finding is judged after this call, and not unknown."""
    before = watched.verdict(finding).at

    async def judged() -> bool:
        verdict = watched.verdict(finding)
        return verdict.at > before and verdict.state is not State.unknown

    return judged


@pytest.mark.parametrize("breaks", ["view", "learn"])
async def test_a_kind_of_history_in_the_loop(watched: Watched, breaks: str, patch: Patch) -> None:
    """Findings that read it are unknown at once; those that don't are judged on."""
    before = counted("history")
    with capture_logs() as logs:
        patch.setattr(WindowRecorder, breaks, refuse)

        async def unknown() -> bool:
            return watched.verdict("deadlocks").state is State.unknown

        await until(unknown, "what reads it is unknown")
        assert "a defect in pgvigil: Window met Defect" in watched.verdict("deadlocks").reason
        await until(judged_again(watched, "connection_saturation"), "others are judged")
        told = [entry for entry in logs if entry.get("part") == "history"]
        assert len(told) == len({entry["history"] for entry in told}), "each is logged once"
        assert not [entry for entry in logs if entry.get("part") == "job"]
    assert counted("history") > before
    patch.undo()
    await until(judged_again(watched, "deadlocks"), "it is known again")


async def test_a_kind_of_history_in_the_background(watched: Watched, patch: Patch) -> None:
    """What it learns from long answers breaks: other long answers are learned and judged."""
    before = counted("history")
    patch.setattr(LastSeenRecorder, "learn", refuse)
    patch.setattr(LastSeenRecorder, "view", refuse)

    async def noticed() -> bool:
        return counted("history") > before

    await until(noticed, "it is counted")
    await until(judged_again(watched, "table_bloat"), "others are judged")


async def test_judging_of_one_finding(watched: Watched, patch: Patch) -> None:
    """What is known of its cases breaks: it is unknown, the others are judged."""
    decide = VerdictTracker.decide

    def broken(tracker: VerdictTracker, finding: AnyFinding, *rest: Any) -> Any:
        return refuse() if finding.name == "deadlocks" else decide(tracker, finding, *rest)

    before = counted("judging")
    patch.setattr(VerdictTracker, "decide", broken)

    async def unknown() -> bool:
        return watched.verdict("deadlocks").state is State.unknown

    await until(unknown, "it is unknown")
    assert "a defect in pgvigil: Defect" in watched.verdict("deadlocks").reason
    await until(judged_again(watched, "connection_saturation"), "others are judged")
    assert counted("judging") > before


async def test_connecting(private_server: PrivateServers, watch: Watch, patch: Patch) -> None:
    """Nothing is known of the server then: it is not called unreachable, nor asked all the time."""
    before = counted("connection")
    patch.setattr("monitor.postgres.session.who_answers", refuse)
    watched = await watch(private_server().dsn(user=MONITOR))

    async def tried_twice() -> bool:
        return counted("connection") >= before + 4 and bool(watched.server.judging.verdicts)

    await until(tried_twice, "it was tried in both databases, and again")
    told = watched.verdict("server_unreachable")
    assert (told.state, told.reason[:27]) == (State.unknown, "a defect in pgvigil: Defect")
    assert watched.verdict("deadlocks").reason.startswith("a defect in pgvigil: Defect")
    assert watched.server.sessions.connector.failure, "so that the next attempt waits"
    patch.undo()
    await until(judged_again(watched, "server_unreachable"), "it is asked again")


async def test_what_is_shown_of_one_server(watched: Watched, patch: Patch) -> None:
    """All that is shown of it is unknown, not what was shown last; the overview is made."""
    before = counted("view")
    patch.setattr(fleet_of_servers, "view", refuse)
    [shown] = watched.fleet.views()
    assert not shown.up
    assert {verdict.state for verdict in shown.verdicts.values()} == {State.unknown}
    assert counted("view") == before + 1


async def test_own_metrics_of_one_finding(watched: Watched, patch: Patch) -> None:
    """Its lines are missing, those of all others are there; the count is on the same page."""
    lines, own = own_samples.finding_samples, Own()

    def broken(server: str, verdict: Any, shown: Any) -> Any:
        return refuse() if verdict.finding.name == "deadlocks" else lines(server, verdict, shown)

    patch.setattr("monitor.exposition.own_page.finding_samples", broken)
    own.update(Overview(at=watched.server.clock.now(), servers=watched.fleet.views()))
    page = b"".join(own.page(None)).decode()
    assert 'pgvigil_finding_state{server="it",finding="connection_saturation"' in page
    assert 'finding="deadlocks"' not in page
    assert 'pgvigil_defects_total{part="own metrics"} 0' not in page
    assert 'pgvigil_defects_total{part="own metrics"} ' in page
