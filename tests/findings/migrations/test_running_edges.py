"""Findings about running migrations at the edges of their limits and words, by hand-made rows."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Evidence
from alerts.findings.migrations import (
    backfill_unbatched,
    constraint_not_valid,
    ddl_long_running,
    index_build_running,
    index_build_stalled,
    shadow_column_leftover,
    table_rewrite_running,
    trigger_disabled,
)
from alerts.findings.migrations._running import owner, progress_text, session_of, shown, stopped
from collectors._base import AnyCollector
from collectors.activity import Session, activity
from collectors.disabled_triggers import disabled_triggers
from collectors.exclusive_locks import ExclusiveLock, exclusive_locks
from collectors.index_builds import index_builds
from collectors.progress import Progress, progress
from collectors.shadow_columns import ShadowColumn, shadow_columns
from collectors.unvalidated_constraints import unvalidated_constraints
from collectors.user_tables import UserTable, user_tables
from tests.findings.migrations.test_constraint_not_valid import ROW as CONSTRAINT
from tests.findings.migrations.test_running_rows import BUILD, HOLDER
from tests.findings.migrations.test_trigger_disabled import ROW as TRIGGER
from tests.fixtures.lock_rows import filled, session
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen


def told(finding: AnyFinding, *answers: tuple[AnyCollector, Any]) -> list[Evidence]:
    return [subject.evidence for subject in verdict_of(finding, seen(*answers)).subjects]


def test_a_session_by_its_pid() -> None:
    snapshot = seen((activity, [session(1), session(2)]))
    assert session_of(snapshot, 2) == session(2)
    assert session_of(snapshot, 3) is None
    assert session_of(snapshot, None) is None
    assert session_of(seen(), 2) is None
    nobody = replace(session(2), pid=None)  # type: ignore[arg-type]
    assert session_of(seen((activity, [nobody])), None) is None


def test_what_is_said_of_a_session() -> None:
    """Without one, or without the time of its start, nothing is cancelled."""
    known = session(1)
    assert owner(None) == "A session"
    assert owner(known) != owner(None)
    assert "pg_cancel_backend" in stopped(known, "all is undone")[-1]
    assert shown(known).startswith("SELECT pid")
    for unknown in (None, replace(known, backend_start_text=None)):
        assert stopped(unknown, "all is undone") == ("-- Let it finish.",)
        assert shown(unknown) == ""


def test_progress() -> None:
    assert progress_text(1, 4) == ", 25 % done"
    assert progress_text(5, 4) == ", 100 % done"
    assert progress_text(1, 0) == progress_text(1, None) == ""


def changing(**given: Any) -> list[Evidence]:
    row = session(1, query="update t set v = 1", xact_seconds=300.0, query_seconds=1.0)
    return told(backfill_unbatched.finding, (activity, [replace(row, **given)]))


def test_a_transaction_that_changes_rows() -> None:
    [one] = changing()
    assert one.value == 300.0
    assert not changing(is_self=True)
    assert not changing(xact_seconds=None)


def locked(*rows: tuple[int, int, float | None], tables: int = 1) -> list[Evidence]:
    """Sessions (pid, relation, seconds) that keep tables locked."""
    known = [
        filled(UserTable, datname="shop", relid=n, schemaname="public", relname=f"t{n}")
        for n in range(1, tables + 1)
    ]
    held = [
        filled(
            ExclusiveLock,
            pid=pid,
            datname="shop",
            relation=relation,
            mode="AccessExclusiveLock",
            usename="app",
            state="active",
            query="ALTER TABLE t ALTER v TYPE bigint",
            query_seconds=seconds,
            xact_seconds=12.0,
        )
        for pid, relation, seconds in rows
    ]
    return told(ddl_long_running.finding, (exclusive_locks, held), (user_tables, known))


def test_sessions_that_keep_tables_locked() -> None:
    """Each with its own tables; indexes and toast are not named."""
    [one] = locked((1, 1, 10.0))
    assert "public.t1 locked for 10 s" in one.message
    assert not locked((1, 99, 10.0)), "no table of that number"
    assert not locked((1, 1, None))
    two = locked((1, 1, 11.0), (2, 2, 12.0), tables=2)
    assert {one.facts["pid"]: one.facts["tables"] for one in two} == {
        1: "public.t1",
        2: "public.t2",
    }
    shown = ddl_long_running.SHOWN
    [all_of_them] = locked(*((1, n, 11.0) for n in range(1, shown + 1)), tables=shown)
    assert "…" not in str(all_of_them.facts["tables"])
    [some] = locked(*((1, n, 11.0) for n in range(1, shown + 2)), tables=shown + 1)
    assert str(some.facts["tables"]).endswith(" …")
    unknown = ExclusiveLock(*[None] * len(ExclusiveLock.__slots__))  # type: ignore[arg-type]
    assert not told(ddl_long_running.finding, (exclusive_locks, [unknown]), (user_tables, []))


def building(**given: Any) -> list[Evidence]:
    rows = (index_builds, [replace(BUILD, **given)])
    return told(index_build_running.finding, rows, (activity, [HOLDER]))


def test_words_about_a_build() -> None:
    [named] = building(running_seconds=60.0)
    assert "public.t" in named.message
    assert not building(running_seconds=None)
    [new] = building(indexrelname=None)
    assert new.subject == "public.t: an index"
    assert named.subject == "public.t: i"
    [elsewhere] = building(schemaname=None, relname="16400")
    assert "16400" in elsewhere.message
    assert "None" not in elsewhere.message
    [by_rows] = building(blocks=None, tuples_done=1, tuples=4)
    assert "25 % done" in by_rows.message


def stalled(*sessions: Session, **given: Any) -> list[Evidence]:
    rows = (index_builds, [replace(BUILD, **given)])
    return told(index_build_stalled.finding, rows, (activity, sessions))


def test_the_session_that_a_build_waits_for() -> None:
    """It was there before; statistics of its transaction may be a second younger."""
    [one] = stalled(HOLDER, waiting_seconds=300.0)
    facts = one.facts
    assert "pid 7" in one.message
    assert {"idle in transaction", 1000.0} <= set(facts.values())
    [exact] = stalled(replace(HOLDER, xact_seconds=300.0))
    assert "pid 7" in exact.message, "one second is within the tolerance"
    for other in (replace(HOLDER, xact_seconds=299.0), replace(HOLDER, xact_seconds=None)):
        [unknown] = stalled(other)
        assert "whose session is not known" in unknown.message
        assert "idle in transaction" not in unknown.facts.values()
    [new] = stalled(HOLDER, indexrelname=None)
    assert new.subject == "public.t: an index"


def rewriting(row: Progress, *sessions: Session) -> list[Evidence]:
    return told(table_rewrite_running.finding, (progress, [row]), (activity, sessions))


def test_a_rewrite_of_a_session_that_is_not_known() -> None:
    row = Progress("shop", 1, "VACUUM FULL", 10, "public", "t", "seq scanning heap", "blocks", 1, 4)
    [one] = rewriting(row, session(1, query_seconds=10.0))
    assert "public.t" in one.message
    assert not rewriting(row)
    assert not rewriting(row, session(1, query_seconds=None))
    assert not rewriting(replace(row, relname=None), session(1, query_seconds=99.0))


@pytest.mark.parametrize("has_trigger", [True, False])
def test_words_about_what_is_left_over(has_trigger: bool) -> None:
    row = ShadowColumn(
        "shop", 1, "public", "t", "id", "integer", "id_new", "bigint", has_trigger, 9.0
    )
    [one] = told(shadow_column_leftover.finding, (shadow_columns, [row]))
    assert ("a trigger changes each row" in one.message) is has_trigger
    [rows] = told(constraint_not_valid.finding, (unvalidated_constraints, [CONSTRAINT]))
    assert rows.facts["rows"] == 10.0
    for count, known in ((-1.0, None), (0.0, 0.0)):
        other = replace(CONSTRAINT, rows=count)
        [one] = told(constraint_not_valid.finding, (unvalidated_constraints, [other]))
        assert one.facts["rows"] == known


def test_words_about_a_trigger() -> None:
    [own] = told(trigger_disabled.finding, (disabled_triggers, [TRIGGER]))
    assert "The trigger audit" in own.message
    of_key = replace(TRIGGER, is_of_a_constraint=True, conname="f;k")
    [one] = told(trigger_disabled.finding, (disabled_triggers, [of_key]))
    assert 'A trigger of the constraint "f;k"' in one.message
    nameless = replace(of_key, conname=None)
    [one] = told(trigger_disabled.finding, (disabled_triggers, [nameless]))
    assert "A trigger of the constraint audit" in one.message
