"""query_lock_pattern: queues that wait, and shared locks before changes, from statements alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.queries.query_lock_pattern import finding, is_queue
from alerts.verdicts.verdict import Verdict
from tests.findings.queries.loads import did
from tests.fixtures.one_look import verdict_of
from tests.fixtures.statement_rows import statement

JOB = "select id from jobs where state = $1 order by id limit $2 for update"
SHARE = "select balance from accounts where id = $1 for share"
CHANGE = "update accounts set balance = balance - $1 where id = $2"
WAITING: Mapping[str, Any] = {"calls": 1000, "seconds": 80.0, "shared_blocks_hit": 20_000}


def judged(texts: Mapping[int, str], **given: Mapping[str, Any]) -> Verdict:
    """Each statement runs a thousand times within the hour, unless it says otherwise."""
    rows = [
        statement(number, **{"calls": 1000, "seconds": 1.0, **given.get(f"q{number}", {})})
        for number in texts
    ]
    return verdict_of(finding, did(finding, *rows, texts=texts))


def test_workers_that_wait_for_each_others_jobs() -> None:
    """Long, and hardly anything is read; told with its cure."""
    [subject] = judged({7: JOB}, q7=WAITING).subjects
    assert subject.evidence.facts["pattern"] == "a queue without SKIP LOCKED"
    assert "waits 80 ms on average" in subject.evidence.message
    assert any("SKIP LOCKED" in line for line in subject.evidence.cure)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        pytest.param(JOB + " skip locked", WAITING, id="skips"),
        pytest.param(JOB, {"calls": 1000, "seconds": 5.0}, id="one worker, who never waits"),
        pytest.param(JOB, {**WAITING, "shared_blocks_hit": 5_000_000}, id="slow by reading"),
        pytest.param(JOB, {**WAITING, "calls": 20}, id="seldom"),
        pytest.param(JOB.removesuffix(" for update"), WAITING, id="locks nothing"),
    ],
)
def test_not_quite_a_queue_that_waits(text: str, given: Mapping[str, Any]) -> None:
    assert judged({7: text}, q7=given).state is State.healthy


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (JOB, True),
        ("SELECT * FROM jobs ORDER BY jobs.at, id LIMIT 5 FOR NO KEY UPDATE", True),
        ("select * from jobs where id = $1 order by id limit 1 for update", False),
        (
            'select * from jobs where "jobs"."id" = $1 order by "jobs"."id" limit 1 for update',
            False,
        ),
        ("select * from jobs where id = $1 limit 21 for update", False),
        ("select * from jobs order by id limit 1 for share", False),
        ("select * from jobs order by id for update", False),
    ],
)
def test_a_row_that_is_looked_up_by_its_key_is_no_job(text: str, is_one: bool) -> None:
    """Frameworks add ORDER BY and LIMIT to that."""
    assert is_queue(text) is is_one


def test_a_shared_lock_before_a_change() -> None:
    """By one user, about equally often."""
    [subject] = judged({7: SHARE, 8: CHANGE}, q8={"calls": 1400}).subjects
    facts = subject.evidence.facts
    assert (facts["pattern"], facts["change_calls"]) == ("FOR SHARE, then UPDATE", 1400)
    assert "changes accounts about as often" in subject.evidence.message


@pytest.mark.parametrize(
    ("share", "change", "given"),
    [
        pytest.param(SHARE, CHANGE, {"calls": 3000}, id="far more often"),
        pytest.param(SHARE, CHANGE, {"userid": 99}, id="another user"),
        pytest.param(SHARE, CHANGE.replace("accounts", "orders"), {}, id="another table"),
        pytest.param(SHARE.replace("share", "key share"), CHANGE, {}, id="as a foreign key does"),
        pytest.param(SHARE + " skip locked", CHANGE, {}, id="skips"),
        pytest.param(SHARE.replace("share", "no key update"), CHANGE, {}, id="for the change"),
    ],
)
def test_not_quite_an_upgrade(share: str, change: str, given: Mapping[str, Any]) -> None:
    assert judged({7: share, 8: change}, q8=given).state is State.healthy


def test_not_judged_before_enough_was_seen() -> None:
    rows = [statement(7, **WAITING)]
    snapshot = did(finding, *rows, texts={7: JOB}, seconds=60.0)
    assert verdict_of(finding, snapshot).state is not State.ill
