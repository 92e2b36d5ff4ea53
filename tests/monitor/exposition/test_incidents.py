"""What an alert stands for, on the page: ids that last, places for life, seldom new words."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from alerts._base import AlertedBy, AnyFinding, Severity, State
from alerts.history.memory import Memory, Namespace
from alerts.verdicts.cases import CASE, SavedCase, remembered_as_ill
from alerts.verdicts.incident import incident_id
from alerts.verdicts.places import places
from alerts.verdicts.verdict import Subject, Verdict
from monitor.exposition.incident_texts import REWRITE
from monitor.exposition.own_page import Own
from tests.fixtures.findings import (
    BLOAT,
    HOSTILE,
    IDLE,
    NOW,
    SATURATION,
    UNUSED,
    bloat,
    finding,
    idle,
    unused,
)
from tests.fixtures.overview import ill, overview, primary

SYSTEM = "7401234567890123456"


def shown(own: Own, verdict: Verdict, system: str = SYSTEM) -> dict[str, list[Sample]]:
    """The samples by family, with that verdict alone."""
    view = primary()
    view = replace(
        view,
        node=replace(view.node, system_identifier=system),
        verdicts={verdict.finding.name: verdict},
    )
    own.update(overview(view))
    text = b"".join(own.page(None)).decode()
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def series(verdict: Verdict) -> dict[tuple[str, str], float]:
    """By severity and incident."""
    found = shown(Own(), verdict).get("pgvigil_incident", [])
    return {(s.labels["severity"], s.labels["incident"]): s.value for s in found}


def quiet(minutes: float, severity: Severity = Severity.warning, pid: int = 1) -> Subject:
    return idle(minutes, severity, f"user{pid}", pid)


def test_one_series_for_each_severity_reached() -> None:
    """What is critical is a warning too, so the warning never ends in the middle."""
    one = quiet(20, Severity.critical)
    which = incident_id(SYSTEM, IDLE.name, one.evidence)
    assert series(ill(IDLE, one)) == {("critical", which): 1200, ("warning", which): 1200}
    assert series(ill(IDLE, quiet(7))) == {("warning", which): 420}


def test_an_id_is_of_the_key_and_not_of_the_words() -> None:
    """16 hexadecimal digits; the same in other words, another on another system."""
    one = quiet(20).evidence
    which = incident_id(SYSTEM, IDLE.name, one)
    assert len(which) == 16
    assert int(which, 16) >= 0
    assert incident_id(SYSTEM, IDLE.name, replace(one, subject="x", message="y")) == which
    others = {
        incident_id("8", IDLE.name, one),
        incident_id(SYSTEM, "other", one),
        incident_id(SYSTEM, IDLE.name, replace(one, database="other")),
        incident_id(SYSTEM, IDLE.name, replace(one, key="other")),
    }
    assert len(others - {which}) == 4


def test_by_server_and_by_database_there_is_no_id() -> None:
    """The server, or the database, is the incident; its value is that of the worst."""
    saturated = replace(bloat("sessions", 3, 0.5), since=1)
    assert series(ill(SATURATION, saturated)) == {("warning", ""): 3 * 1024**3}
    both = ill(UNUSED, unused("s", "a", 2048), unused("s", "b", 64, "other"))
    found = shown(Own(), both)["pgvigil_incident"]
    said = {(s.labels["database"], s.labels["severity"]): s.value for s in found}
    gib = 1024.0**3
    expected = {
        ("shop", "warning"): 2 * gib,
        ("shop", "info"): 2 * gib,
        ("other", "info"): gib / 16,
    }
    assert said == expected


def test_ten_have_an_alert_of_their_own_and_the_rest_is_counted() -> None:
    """Per severity: critical ones have places among the warnings too."""
    many = [quiet(40 - n, pid=n) for n in range(14)]
    critical = [quiet(60 - n, Severity.critical, pid=100 + n) for n in range(12)]
    found = series(ill(IDLE, *critical, *many))
    assert len([1 for severity, _ in found if severity == "critical"]) == 11
    assert found["critical", "others"] == 2
    assert found["warning", "others"] == 16


def test_a_place_is_kept_for_life() -> None:
    """A worse one takes no place; one that ends frees its own, for one."""
    old = [quiet(40 - n, pid=n).evidence for n in range(10)]
    first = places(IDLE, old, {})
    worse = quiet(90, Severity.critical, pid=99).evidence
    second = places(IDLE, [worse, *old], first)
    assert second[Severity.warning] == first[Severity.warning]
    assert second[Severity.critical] == (worse.identity,)
    third = places(IDLE, [worse, *old[1:]], second)
    assert third[Severity.warning] == (*first[Severity.warning][1:], worse.identity)


def told(own: Own, verdict: Verdict) -> dict[str, str]:
    [info] = shown(own, verdict)["pgvigil_incident_info"]
    return {**info.labels, "value": str(info.value)}


def test_words_are_rewritten_seldom() -> None:
    """At most every five minutes, since a new text is a new series."""
    own, one = Own(), quiet(20)
    longer = replace(one, evidence=replace(one.evidence, message="Longer."))
    before = told(own, ill(IDLE, one))
    soon = replace(ill(IDLE, longer), at=NOW + REWRITE - 10)
    assert told(own, soon) == before
    late = told(own, replace(soon, at=NOW + REWRITE))
    assert late["message"].startswith("Longer. Since ")
    assert float(late["value"]) == NOW + REWRITE


def test_findings_of_one_culprit_share_its_id() -> None:
    """It stays as long as the incident does, as an alert with another label is another alert."""
    own = Own()

    def culprit(who: str, finding: AnyFinding = IDLE) -> str:
        one = quiet(20)
        named = replace(one, evidence=replace(one.evidence, culprit=who))
        [found] = shown(own, replace(ill(finding, named), at=NOW + REWRITE))["pgvigil_incident"]
        return found.labels["culprit"]

    first = culprit("7@then")
    assert len(first) == 16
    assert culprit("8@later") == first
    own = Own()
    assert culprit("8@later", SATURATION) == ""
    assert culprit("8@later") not in ("", first)
    own = Own()
    assert culprit("") == ""


def test_words_are_new_with_a_new_severity() -> None:
    """A person who is woken reads why now."""
    own, one = Own(), quiet(20)
    told(own, ill(IDLE, one))
    worse = replace(one, evidence=replace(one.evidence, severity=Severity.critical, message="Now."))
    assert told(own, ill(IDLE, worse))["message"].startswith("Now. ")


def test_nobody_is_told_to_cure_what_is_cured() -> None:
    """Where the server is the incident, the words are of one that is still ill."""
    own = Own()
    one, other = bloat("public.a", 9, 0.5), bloat("public.b", 5, 0.5)
    assert told(own, ill(BLOAT, one, other))["message"].endswith(" UTC. And 1 more.")
    assert told(own, ill(BLOAT, one, other))["subject"] == "shop: public.a"
    after = told(own, ill(BLOAT, other))
    assert (after["subject"], after["cure"]) == ("shop: public.b", "VACUUM (VERBOSE) public.b;")


def test_labels_are_bounded_and_valid() -> None:
    """At most 1 KiB each, and never half a character."""
    evidence = replace(
        quiet(20).evidence,
        subject="ü" * 2000,
        message="🐘" * 1000 + "\udcff",
        cure=(f"SELECT '{'ä' * 600}';",),
    )
    labels = told(Own(), ill(IDLE, Subject(evidence, NOW)))
    assert {len(labels[name].encode()) <= 1024 for name in ("subject", "message")} == {True}
    assert labels["subject"].endswith("…")
    assert "too long" in labels["cure"]


def test_hostile_names_keep_the_page_whole() -> None:
    """The parser of Prometheus's own library reads them as they are."""
    labels = told(Own(), ill(UNUSED, unused("s", HOSTILE, 2048, HOSTILE)))
    assert labels["database"] == HOSTILE


@pytest.mark.parametrize("known", [True, False])
def test_silence_is_told_from_health(known: bool) -> None:
    """The rule holds incidents until the finding is known."""
    verdict = Verdict(IDLE, State.unknown, NOW, known=known)
    assert ("pgvigil_incidents_known" in shown(Own(), verdict)) is known


def test_an_own_check_that_is_dropped_has_no_incidents() -> None:
    """Its alert ends at once, and not after the hour for which rules hold what is untold."""
    own, check = Own(), finding("check_gone", "Gone", "own", alerted_by=AlertedBy.subject)
    dropped = {"server": primary().name, "finding": "check_gone"}

    def known() -> list[dict[str, str]]:
        return [one.labels for one in shown(own, quiet_verdict)["pgvigil_incidents_known"]]

    quiet_verdict = Verdict(IDLE, State.healthy, NOW, known=True)
    shown(own, Verdict(check, State.unknown, NOW, known=False))
    assert dropped not in known(), "of what was never known nothing is said"
    told = shown(own, ill(check, quiet(20)))
    assert "check_gone" in {one.labels["finding"] for one in told["pgvigil_incident"]}
    found = shown(own, quiet_verdict)
    assert "pgvigil_incident" not in found
    assert dropped in known()
    assert dropped in known(), "and so it stays"


def test_what_was_dropped_while_the_daemon_was_down_has_no_incidents() -> None:
    """Memory knows what was ill before; what exists still is known once it is judged."""
    memory, node = Memory(), primary().node
    for one in (IDLE, finding("check_gone", "Gone", "own")):
        place = Namespace("7", node.server, one.name)
        saved = SavedCase(quiet(20).evidence, NOW - 60, NOW)
        memory.put(place, f"{CASE}postgres\x001", saved.pack())
    memory.put(Namespace("7", node.server, "check_well"), "places", {"warning": []})
    memory.put(Namespace("7", "elsewhere", "check_other"), f"{CASE}a\x001", saved.pack())
    own = Own(ill_before=remembered_as_ill(memory))
    for _ in range(2):
        found = shown(own, Verdict(IDLE, State.learning, NOW, known=False))
        told = [one.labels for one in found["pgvigil_incidents_known"]]
        assert told == [{"server": node.server, "finding": "check_gone"}]


def test_what_is_held_goes_on() -> None:
    """Going unknown never resolves: the incident stays while it is held."""
    held = replace(quiet(20), held=True)
    verdict = replace(ill(IDLE, held), state=State.unknown)
    assert len(series(verdict)) == 1
