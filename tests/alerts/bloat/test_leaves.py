"""Leaves as a build fills them, and what the counters of a table refute."""

from random import Random
from statistics import fmean, pstdev
from typing import Any

import pytest

from alerts.bloat.distinct import SHAPE, Frequencies
from alerts.bloat.leaves import DRAWS, _groups, leaf_bytes
from alerts.bloat.refuted import index_entries_made, rows_made, share_left
from collectors.user_tables import UserTable
from tests.fixtures.lock_rows import filled

ROOM = 8192 - 24 - 16 - 4
COUNTED = {"reltuples": 100.0, "n_tup_ins": 150, "n_tup_del": 50, "n_tup_upd": 30}


def table(**more: Any) -> UserTable:
    made: UserTable = filled(UserTable, **COUNTED | {"n_tup_hot_upd": 10} | more)
    return made


def test_all_rows_and_versions_ever_made() -> None:
    assert rows_made(table()) == 180
    assert index_entries_made(table()) == 170
    assert share_left(100, 180) == pytest.approx(0.556, abs=0.001)


@pytest.mark.parametrize("facts", [{"reltuples": 94.0}, {"reltuples": 107.0}, {"reltuples": 0.0}])
def test_counters_that_do_not_tell_of_all_rows(facts: dict[str, Any]) -> None:
    """They were reset, or it was never analysed: nothing is refuted."""
    empty = {"n_tup_ins": 0, "n_tup_del": 0} if not facts["reltuples"] else {}
    assert rows_made(table(**facts | empty)) is None
    assert index_entries_made(table(**facts | empty)) is None
    assert share_left(100, None) == 0.0


@pytest.mark.parametrize("fillfactor", [50, 70, 90])
def test_a_leaf_is_filled_up_to_its_fill_factor(fillfactor: int) -> None:
    """All but a part of one entry; a full page ends only where nothing more has room."""
    found = leaf_bytes(((16, 1),), 1.0, next(iter(Frequencies)), fillfactor, 8192)
    most = ROOM - 8192 * (100 - fillfactor) // 100
    assert most - 40 <= found <= most + 20
    full = leaf_bytes(((16, 1),), 1.0, next(iter(Frequencies)), 100, 8192)
    assert ROOM - 40 <= full <= ROOM


@pytest.mark.parametrize("kind", Frequencies)
@pytest.mark.parametrize("equal", [3.0, 900.0])
def test_groups_of_equal_keys_vary_as_their_kind_does(kind: Frequencies, equal: float) -> None:
    """Nearly evenly by chance, much more where some keys are more frequent."""
    groups = _groups(equal, kind, Random(1))
    assert len(groups) == DRAWS
    assert fmean(groups) == pytest.approx(equal, rel=0.4)
    if kind is Frequencies.constant:
        assert set(groups) == {round(equal)}
    elif equal > 250 and SHAPE.get(kind) is None:
        assert 20 < pstdev(groups) < 40
    if equal > 250 and SHAPE.get(kind) is not None:
        assert pstdev(groups) > 100
