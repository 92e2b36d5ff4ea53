"""pgss_missing and pgss_evicting: whether statements are counted, and all of them."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.queries import pgss_evicting, pgss_missing
from alerts.snapshot import Snapshot
from collectors._base import Absence, Answer
from collectors.extensions import Extension, extensions
from collectors.settings import settings
from collectors.stat_statements_info import StatementsInfo, stat_statements_info
from tests.findings.queries.loads import did
from tests.findings.settings.setting_rows import setting
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen
from tests.fixtures.statement_rows import statement

CREATED = Extension("postgres", "pg_stat_statements", "public", "1.12", "1.12")


def counting(libraries: str | None, *created: Extension, **given: str) -> Snapshot:
    others = [setting(name.replace("__", "."), value) for name, value in given.items()]
    row = setting("shared_preload_libraries", libraries, context="postmaster")
    return seen((settings, [row, *others]), (extensions, created))


@pytest.mark.parametrize(
    ("snapshot", "said"),
    [
        (counting("auto_explain, pg_stat_statements", CREATED), None),
        (counting('"$libdir/pg_stat_statements"', CREATED), None),
        (counting("auto_explain", CREATED), "shared_preload_libraries"),
        (counting("", CREATED), "shared_preload_libraries"),
        (counting("pg_stat_statements"), "pg_stat_statements"),
        (counting("pg_stat_statements", CREATED, compute_query_id="off"), "compute_query_id"),
        (counting("pg_stat_statements", CREATED, compute_query_id="auto"), None),
        (
            counting("pg_stat_statements", CREATED, pg_stat_statements__track="none"),
            "pg_stat_statements.track",
        ),
    ],
)
def test_what_is_missing(snapshot: Snapshot, said: str | None) -> None:
    verdict = verdict_of(pgss_missing.finding, snapshot)
    assert [s.evidence.subject for s in verdict.subjects] == ([said] if said else [])


def test_the_other_libraries_stay() -> None:
    [subject] = verdict_of(pgss_missing.finding, counting("auto_explain, pg_cron")).subjects
    wanted = "shared_preload_libraries = 'auto_explain', 'pg_cron', 'pg_stat_statements'"
    assert wanted in subject.evidence.cure[0]


def test_hidden_libraries_are_unknown() -> None:
    assert verdict_of(pgss_missing.finding, counting(None)).state is State.unknown


def test_a_database_that_has_not_answered_may_have_it() -> None:
    """Until then it is not known that none has it."""
    snapshot = counting("pg_stat_statements")
    silent: Answer[Extension] = Answer((), snapshot.at, {"shop": Absence("not visited yet")})
    snapshot = replace(snapshot, answers={**snapshot.answers, extensions: silent})
    verdict = verdict_of(pgss_missing.finding, snapshot)
    assert (verdict.state, verdict.subjects) == (State.unknown, ())


def evicting(before: int, after: int, *also: Any, texts: Any = None, **given: Any) -> Snapshot:
    return did(
        pgss_evicting.finding,
        statement(5),
        texts=texts,
        earlier=[(stat_statements_info, [StatementsInfo(before, 1.0)])],
        also=[(stat_statements_info, [StatementsInfo(after, 1.0)]), *also],
        **given,
    )


def test_evictions_within_an_hour() -> None:
    finding = pgss_evicting.finding
    assert verdict_of(finding, evicting(100, 105)).state is State.healthy
    assert verdict_of(finding, evicting(100, 101, seconds=1000)).state is State.learning
    verdict = verdict_of(finding, evicting(100, 106))
    assert verdict.state is State.ill
    assert "10000" in " ".join(verdict.subjects[0].evidence.cure)


def test_room_is_not_offered_twice() -> None:
    large = setting("pg_stat_statements.max", "20000", vartype="integer", context="postmaster")
    verdict = verdict_of(pgss_evicting.finding, evicting(0, 9, (settings, [large])))
    assert "ALTER SYSTEM" not in " ".join(verdict.subjects[0].evidence.cure)


def test_lists_of_values_are_recognised() -> None:
    """Texts that differ in the length of a list alone are one form."""
    lists = {
        n: f"select * from t where id in ({', '.join(f'${i}' for i in range(1, n))})"
        for n in range(4, 24)
    }
    [subject] = verdict_of(pgss_evicting.finding, evicting(0, 9, texts=lists)).subjects
    assert subject.evidence.facts["form"] == "select * from t where id in ((…))"
    others = {n: f"select {'a' * n}" for n in range(4, 24)}
    values = {n: f"set application_name = 'worker {n}'" for n in range(30, 60)}
    for texts in (others, values, others | values):
        [subject] = verdict_of(pgss_evicting.finding, evicting(0, 9, texts=texts)).subjects
        assert subject.evidence.facts["form"] is None
        assert "SET of a" in " ".join(subject.evidence.cure)
