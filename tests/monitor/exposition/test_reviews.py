"""A review is counted and listed, and has no state, no incident and no rule of its own."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerts._base import FindingKind, State
from alerts._catalogue import all_findings
from alerts.prometheus import rulebook
from alerts.prometheus.rule import alert_name
from alerts.verdicts.verdict import Verdict
from monitor.exposition.own_page import Own
from monitor.reports.terminal import exit_status
from monitor.views.overview import Overview
from monitor.views.renewal import Renewal
from monitor.views.summary import Summary
from monitor.web.findings import as_plain
from monitor.web.status import status_page
from tests.fixtures.findings import DOUBLED, HOSTILE, NOW, unused
from tests.fixtures.overview import healthy, ill, overview, primary

DEFINED = ill(DOUBLED, unused("s", "a", 12), unused("s", "b", 2048), unused("s", HOSTILE, 13))


def seen(verdict: Verdict) -> Overview:
    verdicts = {verdict.finding.name: verdict}
    view = replace(primary(), verdicts=verdicts, renewal=Renewal(), old=frozenset())
    return overview(view)


def samples(verdict: Verdict) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by family and label values, of what is said about findings."""
    own = Own()
    own.update(seen(verdict))
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(b"".join(own.page(None)).decode()):
        for one in family.samples:
            if "finding" in one.name or "incident" in one.name or "review" in one.name:
                found.setdefault(one.name, {})[tuple(one.labels.values())] = one.value
    return found


def test_one_count_for_each_chapter_and_severity() -> None:
    """And nothing else: no state, no subject, no incident."""
    counts = {("shop", "schema", "info"): 2.0, ("shop", "schema", "warning"): 1.0}
    assert samples(DEFINED) == {"pgvigil_review_subjects": counts}


def test_nothing_to_review_is_zero_and_unknown_is_absent() -> None:
    """0 is said only of what was judged."""
    [well] = healthy(DOUBLED)
    assert set(samples(well)["pgvigil_review_subjects"].values()) == {0}
    assert samples(Verdict(DOUBLED, State.unknown, NOW)) == {}


def test_it_has_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """One quiet rule speaks for all of them."""
    known = dict(all_findings())
    monkeypatch.setattr(rulebook, "all_findings", lambda: known)
    name = alert_name("table_bloat")
    assert name in alerts()
    known["table_bloat"] = replace(known["table_bloat"], kind=FindingKind.review)
    assert name not in alerts()
    assert alert_name("review") in alerts()


def alerts() -> set[str]:
    return {rule.alert for _, rules in rulebook.all_rules() for rule in rules}


def test_json_has_it_with_its_kind() -> None:
    """A program that wants incidents only can tell."""
    [found] = as_plain(seen(DEFINED))["servers"][0]["findings"]
    assert (found["kind"], len(found["subjects"])) == ("review", 3)


def test_the_page_has_one_folded_line() -> None:
    """It is in no headline and on no card, and the mood stays well."""
    picture = Summary(seen(DEFINED))
    page = status_page(picture)
    assert picture.cards == []
    assert '<details id="reviews">' in page
    assert 'To review <span class="count">3</span>' in page
    assert "reviews" not in status_page(Summary(seen(healthy(DOUBLED)[0])))


def test_a_review_is_no_bad_exit_status() -> None:
    """A monitoring plugin that wakes people does not do so for these."""
    assert exit_status(seen(DEFINED)) == 0


def test_what_the_owner_named_is_an_incident() -> None:
    """Unused indexes, bloat, connections, deadlock risk and lag page."""
    named = ["index_unused", "table_bloat", "connection_saturation", "deadlock_risk", "replica_lag"]
    assert {all_findings()[name].kind for name in named} == {FindingKind.incident}
