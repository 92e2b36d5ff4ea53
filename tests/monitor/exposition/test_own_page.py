"""What pgvigil says of its verdicts: states, counts, the worst, and never a guess."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerts._base import Severity, State, Unjudged
from alerts.prometheus.own_metrics import OWN_METRICS
from alerts.verdicts.verdict import Subject, Verdict
from monitor.exposition.own_page import Own
from monitor.views.overview import ServerView
from tests.fixtures.findings import BLOAT, DEADLOCKS, HOSTILE, LAG, NOW, SATURATION, bloat
from tests.fixtures.overview import ill, overview, primary, standby, unreachable

Samples = dict[tuple[str, ...], float]


def read(own: Own, name: str, server: str | None = None) -> Samples:
    """The samples of one family by their label values."""
    text = b"".join(own.page(server)).decode()
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def of(*servers: ServerView) -> Own:
    own = Own()
    own.update(overview(*servers))
    return own


def with_verdict(verdict: Verdict) -> Own:
    return of(replace(primary(), verdicts={verdict.finding.name: verdict}))


def test_every_declared_family_is_said_with_its_labels() -> None:
    """Rules and panels may rely on each name and each label of the declarations."""
    text = b"".join(of().page(None)).decode()
    families = {
        s.name: set(s.labels) for f in text_string_to_metric_families(text) for s in f.samples
    }
    assert families == {metric.name: set(metric.labels) for metric in OWN_METRICS}


def test_what_can_only_be_zero_has_no_line() -> None:
    """Rows are left out where their number is bounded; nothing muted needs no count."""
    own = of(primary(), standby())
    assert set(read(own, "pgvigil_collector_rows_left_out")) == {("shop", "user_indexes")}
    assert set(read(own, "pgvigil_collector_rows")) == {("shop", "user_indexes")}
    assert set(read(own, "pgvigil_collector_duplicate_samples")) == {("shop", "user_indexes")}
    assert 0 not in read(own, "pgvigil_finding_muted").values()


def test_each_finding_has_the_state_that_it_is_in() -> None:
    """One state of each finding, so a rule on it never reads silence as health."""
    states = read(of(), "pgvigil_finding_state")
    expected = {
        (view.name, name, str(verdict.state)): 1.0
        for view in (primary(), standby(), unreachable())
        for name, verdict in view.verdicts.items()
        if not verdict.finding.is_review
    }
    assert states == expected


def test_counts_include_all_that_is_worse() -> None:
    """At or above: a critical subject is also one of those that a warning asks for."""
    counts = read(of(), "pgvigil_finding_subjects")
    assert counts["shop", "idle_in_transaction", "critical"] == 1
    assert counts["shop", "idle_in_transaction", "warning"] == 2
    assert counts["shop", "table_bloat", "warning"] == 2
    assert counts["shop-b", "replica_lag", "critical"] == 0  # of an ill finding, all are told


@pytest.mark.parametrize("state", State)
def test_without_subjects_there_is_a_state_and_no_count(state: State) -> None:
    """What is well is one line that says so; what is not known is no 0."""
    if state is not State.ill:
        own = with_verdict(Verdict(SATURATION, state, NOW, known=True, judged=3))
        assert read(own, "pgvigil_finding_subjects") == {}
        assert read(own, "pgvigil_finding_judged") == {}
        assert read(own, "pgvigil_finding_state") == {("shop", SATURATION.name, str(state)): 1}
        assert read(own, "pgvigil_incidents_known") == {("shop", SATURATION.name): 1}


def test_what_is_judged_stands_beside_what_is_not() -> None:
    """A share of unjudged objects needs both."""
    some = Verdict(BLOAT, State.learning, NOW, judged=9, unjudged=(Unjudged("new", until=NOW),))
    own = with_verdict(some)
    assert read(own, "pgvigil_finding_judged") == {("shop", BLOAT.name): 9}
    assert read(own, "pgvigil_finding_unjudged") == {("shop", BLOAT.name, "new"): 1}


def test_a_collector_that_was_never_asked_has_no_line() -> None:
    """Its pace would make it look late; the failure of another is told by a line of its own."""
    own = of(primary())
    assert ("shop", "sequences") not in read(own, "pgvigil_collector_pace_seconds")
    assert read(own, "pgvigil_collector_failed") == {("shop", "settings"): 1}


def test_a_collector_that_does_not_exist_there_has_not_failed() -> None:
    """The server is older than its view, or lacks the extension: nothing is to be done."""
    own = of(primary())
    assert read(own, "pgvigil_collector_absent") == {("shop", "stat_io"): 1}
    for name in ("failed", "pace_seconds", "last_success_timestamp_seconds"):
        assert ("shop", "stat_io") not in read(own, f"pgvigil_collector_{name}")


def test_going_unknown_keeps_what_was_ill() -> None:
    """Held subjects go on being counted, beside a state that says unknown."""
    own = of(unreachable())
    assert read(own, "pgvigil_finding_subjects")[HOSTILE, "index_unused", "warning"] == 1
    assert read(own, "pgvigil_finding_state")[HOSTILE, "index_unused", "unknown"] == 1


def test_events_are_counted_from_the_first_page() -> None:
    """A counter that appears with its first event has no increase."""
    never = with_verdict(Verdict(DEADLOCKS, State.healthy, NOW))
    assert read(never, "pgvigil_finding_events_total") == {("shop", "deadlocks"): 0}
    assert read(of(primary()), "pgvigil_finding_events_total")["shop", "deadlocks"] == 3


def some(*sizes: float) -> tuple[Subject, ...]:
    return tuple(bloat(f"public.t{n}", gib, 0.5) for n, gib in enumerate(sizes))


def test_the_worst_ten_have_a_value() -> None:
    """Fifty ill tables are fifty in the count, and ten for people to look at."""
    own = with_verdict(ill(BLOAT, *some(*range(50, 0, -1))))
    assert len(read(own, "pgvigil_finding_subject")) == 10
    assert read(own, "pgvigil_finding_subjects")["shop", "table_bloat", "warning"] == 50


def test_how_many_have_a_value_is_a_setting() -> None:
    """Three are three."""
    own = Own(worst=3)
    verdict = ill(BLOAT, *some(*range(50, 0, -1)))
    own.update(overview(replace(primary(), verdicts={BLOAT.name: verdict})))
    assert len(read(own, "pgvigil_finding_subject")) == 3


def test_reasons_are_few() -> None:
    """However many reasons there are, ten have a name and the rest is one number."""
    reasons = tuple(Unjudged(f"reason {n}", count=n) for n in range(1, 31))
    verdict = Verdict(BLOAT, State.unknown, NOW, unjudged=reasons)
    said = read(with_verdict(verdict), "pgvigil_finding_unjudged")
    assert len(said) == 11
    assert said["shop", "table_bloat", "other"] == sum(range(1, 21))


def test_two_subjects_of_one_name_are_two_incidents() -> None:
    """Their names are alike and their values one; their ids are their own."""
    twice = bloat("public.t", 2, 0.5), replace(bloat("public.t", 1, 0.5), since=1)
    keyed = tuple(replace(s, evidence=replace(s.evidence, key=str(n))) for n, s in enumerate(twice))
    own = with_verdict(ill(LAG, *keyed))
    assert sorted(read(own, "pgvigil_incident").values()) == [1024**3, 2 * 1024**3]
    labels = ("shop", "replica_lag", "shop", "public.t", Severity.warning)
    assert read(own, "pgvigil_finding_subject") == {labels: 2 * 1024**3}


def test_only_what_changed_is_written_again() -> None:
    """The same view again is no change; a new verdict changes its own lines only."""
    own, first = Own(), primary()
    assert own.update(overview(first, standby())) == ["shop", "shop-b"]
    same = own.servers["shop-b"].view
    assert isinstance(same, ServerView)
    assert own.update(overview(first, same)) == []
    kept = own.servers["shop"].findings["table_bloat"][1]
    verdicts = {**first.verdicts, "deadlocks": Verdict(DEADLOCKS, State.healthy, NOW, events=4)}
    assert own.update(overview(replace(first, verdicts=verdicts))) == ["shop"]
    assert own.servers["shop"].findings["table_bloat"][1] is kept
    assert read(own, "pgvigil_finding_events_total") == {("shop", "deadlocks"): 4}


def test_lines_written_ahead_of_the_overview_are_news_once() -> None:
    """Servers are written one by one, and the page is told with the overview of all."""
    view = primary()
    own = of(view, standby())
    later = replace(view, sessions=view.sessions + 1)
    own.renew(later)
    assert own.update(overview(later, standby()))[:1] == [later.name]
    assert read(own, "pgvigil_sessions", later.name)
    assert later.name not in own.update(overview(later))


def test_a_server_that_is_no_longer_watched_is_gone() -> None:
    """Its verdicts leave with it."""
    own = of(primary(), standby())
    own.update(overview(primary()))
    assert ("shop-b",) not in read(own, "pgvigil_up")


def test_each_page_says_how_the_daemon_is() -> None:
    """The page of one server may be the only one that Prometheus reads."""
    own = of()
    assert read(own, "pgvigil_up", "shop") == {("shop",): 1}
    assert read(own, "pgvigil_config_last_reload_successful", "shop") == {(): 1}
