"""A verdict says how old its facts are, and whether they should have been renewed since."""

from dataclasses import replace

import pytest

from alerts._base import State
from alerts.verdicts.verdict import Verdict
from collectors._base import Answer
from collectors.replication import replication
from collectors.wal_position import wal_position
from monitor.views.old_facts import old_facts
from monitor.views.wording import facts, facts_age
from tests.fixtures.findings import NOW, finding

PACES = {"wal_position": 1.0, "replication": 15.0}
LAG = Verdict(
    finding("replica_lag", "Replica lag", "replication"),
    State.healthy,
    NOW,
    facts={"wal_position": NOW - 0.5, "replication": NOW - 14.0},
)


def test_the_oldest_facts_count() -> None:
    """A row of the last second, judged with one of the last round."""
    assert facts_age(LAG, NOW) == "facts 14 s old"
    assert facts_age(replace(LAG, facts={}), NOW) == ""


@pytest.mark.parametrize(
    ("facts", "is_old"),
    [
        ({"wal_position": 0.5, "replication": 14.0}, False),
        ({"wal_position": 4.9, "replication": 29.0}, False),
        ({"wal_position": 0.5, "replication": 140.0}, True),
        ({"wal_position": 5.1, "replication": 14.0}, True),
        ({}, False),
    ],
)
def test_facts_are_old_after_two_paces(facts: dict[str, float], is_old: bool) -> None:
    """One late round is none: the fast lane has five seconds."""
    verdict = replace(LAG, facts={name: NOW - age for name, age in facts.items()})
    assert old_facts([verdict], PACES, NOW) == ({"replica_lag"} if is_old else set())


def test_an_answer_of_several_databases_is_as_old_as_its_oldest() -> None:
    """The newest of them says nothing about the others."""
    assert Answer((), NOW, oldest=NOW - 60).since == NOW - 60
    assert Answer((), NOW).since == NOW
    assert {wal_position.name, replication.name} == set(PACES)


def test_a_fact_that_is_a_time_is_shown_as_one() -> None:
    """Such as up to when a restore could reach."""
    known = facts({"restorable_until": 1_800_000_000.0, "stored_until": None, "behind_bytes": 1024})
    assert list(known) == [
        ("restorable until", "2027-01-15 08:00:00 UTC"),
        ("stored until", "unknown"),
        ("behind", "1 KiB"),
    ]
