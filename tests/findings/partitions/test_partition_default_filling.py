"""partition_default_filling, partition_detach_pending: judged by hand-made rows."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.partitions.partition_default_filling import finding
from alerts.findings.partitions.partition_detach_pending import finding as detach_pending
from collectors._base import Absence
from collectors.partitions import Partition, partitions
from tests.findings.partitions.rows import days, part, scene, table
from tests.fixtures.one_look import verdict_of


def default(**given: Any) -> Partition:
    return part(9, "", "", bound="DEFAULT", **given)


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        (table(*days(12, 16), default(), default_relid=9), State.ill),
        (table(*days(12, 16), default(n_live_tup=0), default_relid=9), State.healthy),
        (table(*days(12, 16), default(n_live_tup=0, n_tup_ins=0), default_relid=9), State.ill),
        (
            table(
                *days(12, 16),
                default(n_live_tup=0, n_tup_ins=0, reltuples=-1.0),
                default_relid=9,
            ),
            State.healthy,
        ),
        (table(*days(12, 16), default(), default_relid=9, strategy="l"), State.healthy),
        (table(default(), default_relid=9), State.healthy),
        (table(*days(12, 16)), State.healthy),
    ],
)
def test_rows_in_default(rows: list[Partition], state: State) -> None:
    """By the counters, and by the last vacuum where they were reset; not of lists."""
    assert verdict_of(finding, scene(rows)).state is state


def cure(rows: list[Partition]) -> tuple[str, ...]:
    [subject] = verdict_of(finding, scene(rows)).subjects
    return subject.evidence.cure


def test_only_few_rows_that_belong_to_the_present_are_moved_at_once() -> None:
    """Elsewhere it is unknown to which ranges they belong, or moving them takes long."""
    ended = table(*days(12, 14), default(), default_relid=9)
    assert "LOCK TABLE public.events_9 IN SHARE ROW EXCLUSIVE MODE;" not in cure(ended)
    dated = [replace(row, relname=f"events_{11 + row.relid}") for row in days(12, 14)]
    ended = table(*dated, default(), default_relid=9)
    assert "LOCK TABLE public.events_9 IN SHARE ROW EXCLUSIVE MODE;" in cure(ended)
    hand = [
        table(*dated, default(relkind="p"), default_relid=9),
        table(*dated, default(relkind="f"), default_relid=9),
        table(*dated, default(), default_relid=9, key_columns=2),
        table(*dated, default(), default_relid=9, key_type="text"),
    ]
    for rows in hand:
        assert all(line.startswith("--") for line in cure(rows))
        assert cure(rows)[0].startswith("-- 1. Let the check tell")
    many = table(*dated, default(n_live_tup=100_001), default_relid=9)
    assert all(line.startswith("--") for line in cure(many))
    dated = [replace(row, relname=f"events_{11 + row.relid}") for row in days(12, 16)]
    covered = table(*dated, default(), default_relid=9)
    assert all(line.startswith("--") for line in cure(covered))


def test_half_detached() -> None:
    pending = table(*days(12, 16, is_detaching=True))
    assert len(verdict_of(detach_pending, scene(pending)).subjects) == 4
    assert verdict_of(detach_pending, scene(table(*days(12, 16)))).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(scene(table()), absent={partitions: Absence("refused")}, answers={})
    assert verdict_of(finding, blind).state is State.unknown
    assert verdict_of(detach_pending, blind).state is State.unknown
