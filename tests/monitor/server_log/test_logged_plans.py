"""Plans in the log: what is kept of a record, and hostile records."""

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.server_log.plans import A_VISIT, MOST, PlanTally, plan_of
from monitor.server_log.records import Record, of_json

SECRET = "4111-1111"
PLAN: dict[str, Any] = {
    "Query Text": f"select * from t where a = '{SECRET}'",
    "Plan": {
        "Node Type": "Seq Scan",
        "Relation Name": "t",
        "Alias": "t",
        "Plan Rows": 3,
        "Total Cost": 9.5,
        "Filter": f"(a = '{SECRET}'::text)",
    },
}


def record(told: object = PLAN, **given: Any) -> Record:
    message = f"duration: 12.345 ms  plan:\n{json.dumps(told)}"
    made = Record("00000", "app", "shop", 7, "client backend", message, "", 42)
    return replace(made, **given)


def test_what_is_kept_has_no_value() -> None:
    plan = plan_of(record(), 5.0)
    assert plan is not None
    assert (plan.usename, plan.datname, plan.query_id, plan.seconds) == (
        "app",
        "shop",
        42,
        0.012345,
    )
    assert [one.column for one in plan.nodes[0].conditions] == ["a"]
    assert SECRET not in repr(plan)
    german = record(message=record().message.replace("duration", "Dauer").replace("plan", "Plan"))
    assert plan_of(german, 5.0) == plan


@pytest.mark.parametrize(("told", "known"), [(-9, -9), ("9", 9), (2**70, 42), (True, 42)])
def test_the_id_in_the_plan_is_that_of_the_statement(told: object, known: int) -> None:
    """The record has that of the statement which the client sent, perhaps a call of a function."""
    plan = plan_of(record(PLAN | {"Query Identifier": told}), 5.0)
    assert plan is not None
    assert plan.query_id == known


@pytest.mark.parametrize(
    "other",
    [
        record(query_id=None),
        record(user=None),
        record(message="duration: 1.000 ms  statement: select '{}'"),
        record(message="duration: 1.000 ms  plan:\n{"),
        record(message="duration: 1.000 ms  plan:\n" + '{"Plan":' * 5000),
        record([1]),
        record({"Plan": 5}),
        record({"Plan": {"Plans": [5]}}),
        record({"Plan": {"Plan Rows": "many"}}),
        record({"Plan": {"Relation Name": [1], "Output": 7}}),
        record({}),
    ],
)
def test_what_is_none(other: Record) -> None:
    assert plan_of(other, 5.0) is None


def test_names_that_are_none() -> None:
    plan = plan_of(record({"Plan": {"Relation Name": [1], "Alias": {}, "Index Name": 5}}), 5.0)
    assert plan is not None
    assert (plan.nodes[0].relname, plan.nodes[0].index) == (None, None)


def test_only_the_newest_are_kept() -> None:
    """A visit does not read more than a few, and all together are bounded."""
    tally = PlanTally()
    for visit in range(4):
        tally.begin()
        for number in range(A_VISIT + 5):
            tally.add(record(query_id=1000 * visit + number + 1), 5.0)
    assert len(tally.rows()) == MOST
    assert tally.rows()[-1].query_id == 3000 + A_VISIT


@pytest.mark.parametrize(
    ("told", "query_id"),
    [(-5, -5), ("77", 77), (0, None), (True, None), ("x", None), (2**63, None)],
)
def test_query_id(told: object, query_id: int | None) -> None:
    read = of_json(json.dumps({"state_code": "00000", "query_id": told}).encode())
    assert read is not None
    assert read.query_id == query_id
