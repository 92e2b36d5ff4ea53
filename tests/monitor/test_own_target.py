"""The daemon is a target of its own: judged once, known by a name that does not move with a pod."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerts import _catalogue
from alerts._base import AnyFinding, Evidence, Outcome, Severity, State, Unjudged
from alerts._catalogue import all_findings, findings_about
from alerts.history.memory import Memory
from alerts.limits import BaseLimits
from alerts.snapshot import ServerIdentity, Snapshot, Unknown
from alerts.verdicts.mutes import Mutes
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Kind
from collectors.daemon import DaemonState, daemon
from monitor import own_target
from monitor.commands.doctor import examined
from monitor.exposition.own_page import Own
from monitor.own_target import OwnTarget, own_name
from monitor.reports.terminal import exit_status
from monitor.views import wording
from monitor.views.overview import Overview, TargetView
from monitor.views.summary import Summary
from monitor.web.findings import as_plain
from tests.fixtures.findings import NOW, finding
from tests.fixtures.overview import overview, primary, standby

WELL = DaemonState(servers=2, unreachable=0, uptime_seconds=60)


def lonely(snapshot: Snapshot, limits: BaseLimits) -> Iterator[Outcome]:
    """Ill where the daemon reaches nobody."""
    state = snapshot.row(daemon)
    if state.unreachable == state.servers:
        yield Evidence(
            subject="network",
            severity=Severity.critical,
            value=state.unreachable,
            message="Nobody is reached.",
            facts={},
            cure=(),
            check="",
        )


LONELY: AnyFinding = replace(
    finding("daemon_lonely", "Lonely daemon", "observer"),
    judge=lonely,
    reads=(daemon,),
    of=Kind.daemon,
)
object.__setattr__(LONELY.judge, "__module__", "alerts.findings.observer.daemon_lonely")


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue as if that finding were in it."""
    found = {**all_findings(), LONELY.name: LONELY}
    monkeypatch.setattr(_catalogue, "all_findings", lambda: found)
    monkeypatch.setattr(own_target, "findings_about", findings_about.__wrapped__)


def judged(state: DaemonState, *servers: str) -> TargetView:
    return OwnTarget(Memory()).judge(servers, state, NOW, {})


def test_it_is_judged_once() -> None:
    """One verdict and one incident, however many servers are watched."""
    view = judged(replace(WELL, unreachable=2), "shop", "shop-b")
    own = Own()
    own.update(replace(overview(primary(), standby()), targets=(view,)))
    families = text_string_to_metric_families(b"".join(own.page(None)).decode())
    samples = [s for f in families for s in f.samples if s.labels.get("finding") == LONELY.name]
    states = [s.labels for s in samples if s.name == "pgvigil_finding_state"]
    assert states == [{"server": "pgvigil", "finding": LONELY.name, "state": "ill"}]
    incidents = [s.labels for s in samples if s.name == "pgvigil_incident"]
    assert {one["server"] for one in incidents} == {"pgvigil"}
    assert {one["severity"] for one in incidents} == {"warning", "critical"}


def test_its_page_and_json_have_it() -> None:
    """On a card like any other, and apart from the servers in JSON."""
    view = judged(replace(WELL, unreachable=2), "shop", "shop-b")
    shown = replace(overview(primary()), targets=(view,))
    assert ("pgvigil", LONELY.name) in {
        (card.server, card.verdict.finding.name) for card in Summary(shown).cards
    }
    [target] = as_plain(shown)["targets"]
    assert (target["server"], target["kind"]) == ("pgvigil", "daemon")
    states = {one["finding"]: one["state"] for one in target["findings"]}
    assert states.pop(LONELY.name) == "ill"
    assert set(states.values()) == {"healthy"}


def test_findings_of_another_kind_are_absent() -> None:
    """Not even not_applicable: neither there nor here."""
    of = findings_about.__wrapped__
    assert {"observer_starved", LONELY.name} <= set(of(Kind.daemon))
    assert LONELY.name not in of(Kind.postgres)
    assert set(judged(WELL, "shop").verdicts) == set(of(Kind.daemon))


@pytest.mark.parametrize(
    ("servers", "name"),
    [(["shop"], "pgvigil@shop"), (["a", "b"], "pgvigil"), (["pgvigil", "b"], "pgvigil@")],
)
def test_its_name(servers: list[str], name: str) -> None:
    """Sidecars of one namespace are told apart; no server has the same name."""
    assert own_name(servers) == name
    assert judged(WELL, *servers).name == name


def test_a_finding_reads_only_its_own_kind() -> None:
    """What is of a server says nothing of the daemon, and the other way round."""
    for one in all_findings().values():
        assert {collector.of for collector in (*one.reads, *one.consults)} <= {one.of}, one.name


def wants_the_log(snapshot: Snapshot, limits: BaseLimits) -> Iterator[Outcome]:
    if snapshot.at:
        raise Unknown("the server's log is not read", setting="log.path")
    yield from ()


LOG = finding("log_errors", "Errors in the log", "observer")
NOT_CONFIGURED = replace(LOG, judge=wants_the_log)


def verdict_of(one: AnyFinding, absence: Absence | None = None) -> Verdict:
    absent = {one.reads[0]: absence} if absence else {}
    snapshot = Snapshot(ServerIdentity("shop"), NOW, absent=absent)
    return VerdictTracker().decide(one, snapshot, one.limits, Mutes())


def seen(*verdicts: Verdict) -> Overview:
    return overview(replace(primary(), verdicts={v.finding.name: v for v in verdicts}))


def test_not_configured_is_unknown_and_counted_apart() -> None:
    """It is not healthy, and nobody is troubled by it on every default install."""
    found = verdict_of(NOT_CONFIGURED)
    assert (found.state, found.is_unconfigured) == (State.unknown, True)
    picture = Summary(seen(found))
    assert (picture.by_state(State.unknown), picture.unknown) == (0, [])
    assert [verdict.finding.name for _, verdict in picture.unconfigured] == [found.finding.name]
    assert "1 not configured" in wording.quiet_counts(picture)
    assert exit_status(seen(found)) == 0


def test_doctor_lists_what_is_not_configured() -> None:
    """With the setting that would do it, and not among what is missing."""
    view = seen(verdict_of(NOT_CONFIGURED)).servers[0]
    lines = list(examined(view))
    assert f"  not configured for {NOT_CONFIGURED.name}: log.path" in lines
    assert not [line for line in lines if "can't judge" in line]


def test_what_is_blind_besides_is_unknown() -> None:
    """A missing right is not excused by a missing setting."""
    both = replace(
        verdict_of(NOT_CONFIGURED),
        unjudged=(Unjudged("not read", setting="log.path"), Unjudged("no right", grant="GRANT x;")),
    )
    assert not both.is_unconfigured
    assert Summary(seen(both)).by_state(State.unknown) == 1


def test_an_absence_carries_the_setting() -> None:
    """A collector whose source is not configured makes its readers so."""

    def reads(snapshot: Snapshot, limits: BaseLimits) -> Iterator[Outcome]:
        snapshot.rows(NOT_CONFIGURED.reads[0])
        yield from ()

    found = verdict_of(replace(LOG, judge=reads), Absence("x", setting="log.path"))
    assert found.is_unconfigured
