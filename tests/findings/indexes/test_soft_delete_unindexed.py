"""soft_delete_unindexed: much is deleted, and no index knows of it."""

from dataclasses import replace

from alerts._base import State
from alerts.findings.indexes.soft_delete_unindexed import finding
from collectors._base import Absence
from collectors.soft_delete_columns import soft_delete_columns
from tests.findings.indexes.layouts import MIB, layout, on
from tests.findings.indexes.soft_deletes import LIVE, MARK, marked
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

KEY = layout(11, is_unique=True, is_primary=True, backs_constraint=True)


def test_a_table_that_is_searched_by_its_key_alone_is_found() -> None:
    [subject] = verdict_of(finding, marked(KEY)).subjects
    assert "30 % of the rows of public.orders (100 MiB) have deleted_at set" in (
        subject.evidence.message
    )


def test_what_is_not_quite_one() -> None:
    small = replace(MARK, table_bytes=99 * MIB)
    flag = replace(MARK, typname="bool")
    for snapshot in (
        marked(KEY, deleted=0.29),
        marked(KEY, deleted=None),
        marked(KEY, mark=small),
        marked(KEY, mark=flag),
        marked(KEY, layout(12, indpred=LIVE)),
        marked(KEY, on(2, oid=12)),
    ):
        assert verdict_of(finding, snapshot).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={soft_delete_columns: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
