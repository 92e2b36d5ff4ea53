"""Verdicts as JSON: complete, parseable, and the same wherever they are asked for."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from alerts._base import Severity, State
from alerts.snapshot import ServerIdentity
from alerts.verdicts.verdict import Verdict
from collectors._base import Kind
from monitor.views.overview import Overview, TargetView
from monitor.web.finding_page import finding_json, finding_page, known_finding
from monitor.web.findings import as_plain, dumps, iso
from monitor.web.findings_schema import schema
from tests.fixtures.findings import BLOAT, HOSTILE, IDLE, NOW, Limits, bloat, idle, unused
from tests.fixtures.overview import ill, overview, primary, standby, unreachable


def read(shown: Overview) -> dict[tuple[str, str], dict[str, Any]]:
    """What is said of each finding on each server, as a reader of JSON sees it."""
    plain = json.loads(dumps(as_plain(shown)))
    return {(s["server"], f["finding"]): f for s in plain["servers"] for f in s["findings"]}


def test_every_finding_of_every_server_is_there() -> None:
    """Judged or not."""
    views = (primary(), standby(), unreachable())
    assert set(read(overview())) == {(view.name, name) for view in views for name in view.verdicts}


def test_what_is_served_is_what_the_schema_says() -> None:
    """Every state and every field; and a field that is missing, new or of another type is seen."""
    check = Draft202012Validator(schema(), format_checker=FormatChecker())
    Draft202012Validator.check_schema(check.schema)
    target = TargetView(Kind.pgbouncer, "pool", ServerIdentity("pool"), primary().verdicts)
    plain = json.loads(dumps(as_plain(replace(overview(), targets=(target,)))))
    check.validate(plain)
    assert {f["state"] for s in plain["servers"] for f in s["findings"]} == set(State)
    check.validate(json.loads(dumps(as_plain(Overview(at=NOW)))))
    for broken in (
        plain | {"new": 1},
        plain | {"at": 1767225600},
        {key: value for key, value in plain.items() if key != "servers"},
        plain | {"servers": [plain["servers"][0] | {"role": "master"}]},
    ):
        assert not check.is_valid(broken)


def test_every_field_of_the_schema_is_written() -> None:
    """None is optional: a reader never has to ask whether it is there."""
    for name, part in schema()["$defs"].items():
        if part["type"] == "object":
            assert sorted(part["required"]) == sorted(part["properties"]), name
            assert part["additionalProperties"] is False


def test_a_subject_comes_with_all_that_is_needed_to_act() -> None:
    """Message, facts, cure, check, and since when."""
    found = read(overview())["shop", "idle_in_transaction"]
    assert (found["state"], found["severity"], found["judged"]) == ("ill", "critical", 120)
    subject = found["subjects"][0]
    assert subject["since"] == "2025-12-31T23:24:00Z"
    assert subject["database"] == "shop"
    assert subject["facts"]["silent_seconds"] == 2160
    assert subject["cure"][-1].startswith("SELECT pg_catalog.pg_terminate_backend(pid, 5000)")
    assert found["reason"] == subject["message"]


def test_what_is_unknown_says_why_and_what_would_help() -> None:
    """Counts beside the reasons, each with its grant."""
    found = read(overview())["shop", "statement_slow"]
    assert (found["state"], found["severity"], found["unjudged"]) == ("unknown", None, 2)
    [reason] = found["unjudged_reasons"]
    assert reason["grant"] == "GRANT pg_read_all_stats TO pgvigil;"


def test_what_is_held_is_marked() -> None:
    """It was ill, and can't be judged now."""
    found = read(overview())[HOSTILE, "index_unused"]
    assert (found["state"], [s["held"] for s in found["subjects"]]) == ("unknown", [True])
    assert [s["over_since"] for s in found["subjects"]] == [None]


def test_what_is_over_says_since_when() -> None:
    """It was ill a moment ago, and stays until it is scraped."""
    over = replace(bloat("public.t", 1, 0.5), over=NOW - 10)
    view = replace(primary(), verdicts={"table_bloat": ill(BLOAT, over)})
    [subject] = read(overview(view))["shop", "table_bloat"]["subjects"]
    assert (subject["since"], subject["over_since"]) == (iso(over.since), iso(NOW - 10))


def test_what_was_never_judged_has_no_time() -> None:
    """An unknown time is null, not 1970."""
    never = Verdict(BLOAT, State.unknown, at=0)
    view = replace(primary(), verdicts={"table_bloat": never})
    found = read(overview(view))["shop", "table_bloat"]
    assert (found["judged_at"], found["since"]) == (None, None)


def test_infinities_break_no_parser() -> None:
    """What JSON has no number for is null."""
    subject = bloat("public.t", 1, 0.5)
    facts: dict[str, float | str | None] = {"share": math.inf, "other": math.nan, "name": "\udcff"}
    broken = replace(subject, evidence=replace(subject.evidence, facts=facts))
    view = replace(primary(), verdicts={"table_bloat": ill(BLOAT, broken)})
    text = dumps(as_plain(overview(view)))
    facts_read = json.loads(text)["servers"][0]["findings"][0]["subjects"][0]["facts"]
    assert (facts_read["share"], facts_read["other"]) == (None, None)


def test_a_page_of_a_finding_has_runbook_limits_and_verdicts() -> None:
    """All that is needed at three in the morning, on one page."""
    shown = overview()
    known = known_finding("idle_in_transaction", shown)
    assert known is not None
    page = finding_page(known, shown)
    assert "<h2>How to fix it</h2>" in page
    assert "Silence of the client inside a transaction that is news." in page
    assert "<td>5m</td>" in page
    assert page.count("pg_terminate_backend(pid, 5000)") >= 2
    # On a phone a table of all servers would fill the screen before the first cure.
    assert page.index('<article class="card') < page.index('aria-label="Verdicts"')


def test_a_page_of_a_review_has_its_subjects_and_cures() -> None:
    """The status page only lists them, and leads there."""
    from alerts.findings.schema.column_types import finding

    one = unused("public", "orders_total", 12)
    one = replace(one, evidence=replace(one.evidence, cure=("ALTER this;",)))
    shown = overview(replace(primary(), verdicts={finding.name: ill(finding, one)}))
    known = known_finding(finding.name, shown)
    assert known is not None
    page = finding_page(known, shown)
    assert finding.is_review
    assert "ALTER this;" in page
    assert page.count('<article class="card') == 1


def test_a_page_of_many_servers_is_bounded() -> None:
    """A few of each, and JSON has all."""
    found = ill(IDLE, *(idle(9.0, Severity.warning, "app", pid) for pid in range(9)))
    views = [replace(primary(), name=f"s{n}", verdicts={IDLE.name: found}) for n in range(100)]
    shown = overview(*views)
    known = known_finding(IDLE.name, shown)
    assert known is not None
    page = finding_page(known, shown)
    assert page.count('<div class="case') == 300
    assert '<a href="/findings/idle_in_transaction.json">and 6 more</a>' in page


def test_the_limits_in_force_are_shown() -> None:
    """The configured values, not the defaults."""
    from datetime import timedelta

    shown = replace(overview(), limits={IDLE.name: Limits(silent=timedelta(seconds=90))})
    known = known_finding(IDLE.name, shown)
    assert known is not None
    assert finding_json(known, shown)["limits"] == {"silent": "1m30s"}


def test_a_consequence_is_on_the_page_of_its_finding() -> None:
    """Folded under its cause on the status page, it is not hidden where it is looked for."""
    shown = overview()
    known = known_finding("table_bloat", shown)
    assert known is not None
    assert "public.orders could be" in finding_page(known, shown)


def test_watchdogs_have_a_page() -> None:
    """Whatever alert links to us finds its runbook."""
    pytest.importorskip("alerts.prometheus.rulebook")
    from alerts.prometheus.rulebook import all_watchdogs

    shown = overview()
    for name in all_watchdogs():
        known = known_finding(name, shown)
        assert known is not None
        assert known.title in finding_page(known, shown)


def test_html_inside_a_runbook_is_text() -> None:
    """Markdown yes, elements no; and no link to a script."""
    from monitor.web.templating import markdown

    page = markdown("<script>alert(1)</script>\n\n[x](javascript:alert(1)) `ok`\n\n|a|\n|-|\n|b|\n")
    assert "<script>" not in page
    assert "javascript:" not in page.replace("[x](javascript:alert(1))", "")
    assert "<table>" in page


def test_no_finding_is_no_page() -> None:
    """An unknown name is not found."""
    assert known_finding("nothing", overview()) is None
    assert NOW > 0
