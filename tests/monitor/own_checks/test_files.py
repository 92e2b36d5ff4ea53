"""Files of own checks: what is accepted, and that a broken one is told by name."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts._base import FindingKind, Severity, State
from alerts._catalogue import all_findings
from alerts.own_check import message, statements
from collectors._base import Lane, Scope
from collectors._catalogue import all_collectors
from collectors._own_check import OwnRow, OwnRowOfDatabase
from monitor.cli import main
from monitor.config.errors import ConfigurationError
from monitor.own_checks.enrolment import enrol, files_of
from monitor.own_checks.folder import OwnCheck, id_of, read_check, read_folder
from monitor.reports.review import as_text
from tests.fixtures.one_look import verdict_of
from tests.fixtures.overview import overview, primary
from tests.fixtures.session_rows import seen

WHOLE = """/*
title: Orders that wait
severity: [warning, critical]
message: "{subject}: {value} orders have waited for {longest}"
database: [shop, shop_*]
pace: daily
unit: orders
kind: review
hold: 5m
cure: |
    SELECT shop.requeue({subject});
    -- Then tell {subject}.
*/
SELECT name AS subject, 3 AS value FROM shop.queue;
"""
LEAST = "---\nmessage: '{subject} is full'\n---\nselect 'it' as subject\n"


@pytest.fixture(autouse=True)
def catalogues() -> Iterator[None]:
    """Leave the catalogues as they were."""
    yield
    enrol(None)


def read(folder: Path, text: str, name: str = "waiting.sql") -> OwnCheck:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_check(path, id_of(path))


def test_what_a_file_says(tmp_path: Path) -> None:
    check = read(tmp_path, WHOLE)
    finding, collector = check.finding, check.collector
    assert collector
    assert (finding.name, finding.chapter, finding.title) == (
        "check_waiting",
        "own",
        "Orders that wait",
    )
    assert finding.kind is FindingKind.review
    assert finding.severities == (Severity.warning, Severity.critical)
    assert finding.hold.total_seconds() == 300
    assert (collector.name, collector.lane, collector.scope) == (
        "check_waiting",
        Lane.daily,
        Scope.database,
    )
    assert collector.databases == ("shop", "shop_*")


def test_the_least_that_a_file_says(tmp_path: Path) -> None:
    """An incident of severity warning, asked once on the server; the runbook is beside it."""
    (tmp_path / "waiting.md").write_text("## What it means\n", encoding="utf-8")
    check = read(tmp_path, LEAST)
    assert check.collector
    assert check.collector.scope is Scope.server
    assert check.finding.severities == (Severity.warning,)
    assert check.finding.runbook == "## What it means\n"
    assert check.finding.title == "Waiting"


def test_a_row_is_told_by_the_template(tmp_path: Path) -> None:
    """A value never becomes a part of a statement, nor a second line of a comment."""
    check = read(tmp_path, WHOLE)
    assert check.collector
    hostile = "a'; DROP TABLE x;\n--"
    mark = OwnRowOfDatabase("shop", None, None, None, None, None, True)
    row = OwnRowOfDatabase("shop", hostile, 3.0, None, None, '{"longest": "2 h"}', False)
    [subject] = verdict_of(check.finding, seen((check.collector, [mark, row]))).subjects
    evidence = subject.evidence
    assert evidence.message == "a'; DROP TABLE x; --: 3 orders have waited for 2 h"
    assert evidence.facts == {"value": 3.0, "longest": "2 h"}
    assert evidence.cure == (
        "SELECT shop.requeue(E'a''; DROP TABLE x;\\u000a--');",
        "-- Then tell a'; DROP TABLE x; --.",
    )


def test_what_can_not_be_judged(tmp_path: Path) -> None:
    """A database that does not exist is a mistake, not health."""
    check = read(tmp_path, WHOLE)
    assert check.collector
    mark = OwnRowOfDatabase("shop", None, None, None, None, None, True)

    collector = check.collector

    def judged(*rows: OwnRowOfDatabase) -> tuple[State, list[str]]:
        verdict = verdict_of(check.finding, seen((collector, list(rows))))
        return verdict.state, [one.reason for one in verdict.unjudged]

    def row(subject: str | None, value: float, severity: str | None) -> OwnRowOfDatabase:
        return OwnRowOfDatabase("shop", subject, value, severity, None, None, False)

    assert judged(mark) == (State.healthy, [])
    assert judged() == (State.unknown, ["no watched database matches shop, shop_*"])
    for wrong, why in (
        (row(None, 1, None), "a row of the query has no subject"),
        (row("a", float("nan"), None), "its value is no number"),
        (row("a", 1, "info"), "the check declares no severity 'info'"),
    ):
        assert judged(mark, wrong) == (State.unknown, [why])
    many = [row(str(number), 1, None) for number in range(101)]
    state, reasons = judged(mark, *many)
    assert (state, len(reasons)) == (State.ill, 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("select 1", "it does not begin with front matter"),
        ("/*\nmessage: a\n*/\n", "it has no query"),
        ("/*\n[a\n*/\nselect 1", "its front matter is not YAML at line "),
        ("/*\n- a\n*/\nselect 1", "its front matter is no mapping"),
        ("/*\ntitle: a\n*/\nselect 1", "message is missing"),
        ("/*\nmessage: a\nmessages: b\n*/\nselect 1", "There is no setting messages"),
        ("/*\nmessage: a\nseverity: bad\n*/\nselect 1", "severity"),
        ("/*\nmessage: a\nseverity: []\n*/\nselect 1", "severity is empty"),
        ("/*\nmessage: a\npace: fast\n*/\nselect 1", "pace"),
        ("/*\nmessage: a\nunit: '{{ x }}'\n*/\nselect 1", "unit"),
        ("/*\nmessage: a\ntitle: '{{ x }}'\n*/\nselect 1", "double braces"),
        ("/*\nmessage: a\nhold: soon\n*/\nselect 1", "hold"),
        ("/*\nmessage: a\n*/\nselect '" + "x" * 70_000 + "'", "it is longer than 64 kB"),
        ("/*\nmessage: a\n*/\nselect '\x00'", "its query has a zero byte"),
    ],
)
def test_a_broken_file_is_unknown_by_name(tmp_path: Path, text: str, why: str) -> None:
    """It harms no other, and says what is wrong."""
    check = read(tmp_path, text)
    assert check.collector is None
    verdict = verdict_of(check.finding, seen())
    assert verdict.state is State.unknown
    assert verdict.unjudged[0].reason.startswith("the check waiting.sql can't be used: ")
    assert why in verdict.unjudged[0].reason
    view = overview(replace(primary(), verdicts={verdict.finding.name: verdict}))
    assert f"check_waiting: {verdict.unjudged[0].reason}" in as_text(view)


def test_a_folder(tmp_path: Path) -> None:
    """Hidden files and others are none; names that differ in signs only are told."""
    for name in ("a-b.sql", "a_b.sql", ".hidden.sql", "note.md", "..data.sql"):
        (tmp_path / name).write_text(LEAST, encoding="utf-8")
    (tmp_path / "latin.sql").write_bytes(b"/*\nmessage: \xe4\n*/\nselect 1")
    (tmp_path / "folder.sql").mkdir()
    found = {check.finding.name: check.collector is None for check in read_folder(tmp_path)}
    assert found == {
        "check_a_b": False,
        "check_a_b_": True,
        "check_latin": True,
        "check_folder": True,
    }
    with pytest.raises(ConfigurationError, match="can't be read: no such file"):
        read_folder(tmp_path / "absent")


def test_it_is_enrolled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rules and explain know it where they are given the folder, and nothing does otherwise."""
    (tmp_path / "full.sql").write_text(LEAST, encoding="utf-8")
    assert main(["rules", "--checks", str(tmp_path)]) == 0
    assert "PgvigilCheckFull" in capsys.readouterr().out
    assert {"check_full"} <= all_findings().keys() & all_collectors().keys()
    assert main(["explain", "check_full", "--checks", str(tmp_path)]) == 0
    assert "This check has no runbook" in capsys.readouterr().out
    assert main(["rules"]) == 0
    assert "PgvigilCheckFull" not in capsys.readouterr().out


def test_its_numbers_are_a_metric(tmp_path: Path) -> None:
    """Each subject once, and no mark."""
    check = read(tmp_path, LEAST)
    assert check.collector
    [metric] = check.collector.metrics
    rows = [
        OwnRow(None, None, None, None, None, True),
        *(OwnRow(name, 2.0, None, None, None, False) for name in ("a", "a", "b")),
    ]
    assert metric.name == "pgvigil_check_waiting"
    assert list(metric.samples(rows)) == [(("a",), 2.0), (("b",), 2.0)]


def test_texts() -> None:
    assert message("{a} and {b}", {"a": "{b}"}) == "{b} and unknown"
    assert message("{0} {}", {}) == "{0} {}"
    assert len(message("{a}", {"a": "x" * 1000})) == 500
    assert statements("SELECT 1;\nSELECT\n  2;\n-- Then:\nSELECT 3") == (
        "SELECT 1;",
        "SELECT\n  2;",
        "-- Then:",
        "SELECT 3",
    )


def test_a_query_may_have_a_shorter_time(tmp_path: Path) -> None:
    known = read(tmp_path, LEAST.replace("message:", "timeout: 500ms\nmessage:")).collector
    assert known
    assert known.timeout == 0.5
    plain = read(tmp_path, LEAST).collector
    assert plain
    assert plain.timeout is None
    for wrong in ("0s", "9ms", "soon"):
        check = read(tmp_path, LEAST.replace("message:", f"timeout: {wrong}\nmessage:"))
        assert check.collector is None


def test_files_whose_change_is_noticed(tmp_path: Path) -> None:
    """Checks and their runbooks; a folder that is gone has none."""
    for name in ("b.sql", "a.md", ".c.sql", "d.txt"):
        (tmp_path / name).write_text(LEAST, encoding="utf-8")
    assert [path.name for path in files_of(tmp_path)] == ["a.md", "b.sql"]
    assert files_of(tmp_path / "gone") == files_of(None) == ()
