"""The drawn workloads of bench.deadlock: the same of each seed, and twins that are honest."""

from pathlib import Path
from random import Random

import pytest

from bench.deadlock import table
from bench.deadlock.clients import pgbench_script
from bench.deadlock.grammar import Driver, Fault, Twin, Workload, drawn
from bench.deadlock.record import Film
from bench.deadlock.replay import Watched
from bench.deadlock.schema import statements
from bench.deadlock.script import literal, parameters, steps
from bench.deadlock.table import Row, Sample, tables

DRAWN = list(drawn(1, 150, list(Driver)))
BAD, TWINS = DRAWN[::2], DRAWN[1::2]
CONTRADICTING = (Fault.tables, Fault.advisory_row, Fault.foreign_key)


def test_a_seed_tells_everything() -> None:
    """The same again, whatever the seed of Python's hashes; another seed is another sample."""
    assert list(drawn(1, 150, list(Driver))) == DRAWN
    assert list(drawn(2, 150, list(Driver))) != DRAWN
    assert {workload.spec.fault for workload in BAD} == set(Fault)


def test_each_workload_is_followed_by_its_honest_twin() -> None:
    """The same code: driver, plans, statements, clients and pauses."""
    for bad, twin in zip(BAD, TWINS, strict=True):
        assert bad.spec.twin is Twin.none
        assert twin.spec.is_honest
        for name in ("number", "fault", "driver", "plans", "wrapper", "think", "clients", "rows"):
            assert getattr(bad.spec, name) == getattr(twin.spec, name)


@pytest.mark.parametrize("workload", [w for w in DRAWN if w.spec.fault in CONTRADICTING])
def test_opposite_order_is_in_the_scripts_and_not_in_those_of_an_ordered_twin(
    workload: Workload,
) -> None:
    """Some pair both ways; twins that are gated or apart have it too, and something that keeps
    them from meeting."""
    found = {(one, other) for one, other in steps(workload.scripts) if one != other}
    is_contradicted = any((other, one) in found for one, other in found)
    again = "head again" in workload.spec.extras
    if workload.spec.twin is Twin.ordered:
        assert not is_contradicted or again
    else:
        assert is_contradicted
        gate, apart = workload.spec.twin is Twin.gated, workload.spec.twin is Twin.apart
        texts = [script.statements[0].text for script in workload.scripts]
        assert all("4711" in text for text in texts) is gate
        assert bool(workload.apart) is apart


def test_sorted_twins_sort() -> None:
    """By the key, or by another column; in values and in the script of pgbench."""
    dice = Random(1)
    of_one_kind = [w for w in TWINS if w.spec.fault in (Fault.rows, Fault.advisory)]
    for workload in of_one_kind:
        [script] = workload.scripts
        values = script.values(dice, workload.spec.rows, 0)
        order = [values[name] for name in script.sort]
        assert len(set(order)) == len(order) > 1
        assert script.by_rank or order == sorted(order)
        lines = list(pgbench_script(workload, script, 0))
        assert any(line.startswith("\\set low least(") for line in lines)


def test_statements_are_complete() -> None:
    """Nothing of the template is left, in whichever way its values are told."""
    for workload in DRAWN:
        assert list(statements(workload))
        for script in workload.scripts:
            values = script.values(Random(1), workload.spec.rows, 0)
            for statement in script.statements:
                marks = [f"${n}" for n in range(1, len(statement.names) + 1)]
                if not workload.spec.uuids:
                    assert "{" not in parameters(statement, marks)
                assert "{" not in literal(statement, values)


@pytest.mark.parametrize(
    ("fault", "subject", "is_right"),
    [
        (Fault.tables, "public.heartbeat and public.log", False),
        (Fault.tables, "public.t_a, rows in no order", False),
        (Fault.rows, "public.t_a, rows in no order", True),
        (Fault.advisory, "advisory lock 3 and advisory lock 9", True),
        (Fault.advisory, "advisory locks", True),
        (Fault.advisory_row, "advisory lock 3 and public.t_a", True),
        (Fault.advisory_row, "advisory lock 3 and public.t_b", False),
    ],
)
def test_only_what_a_workload_does_wrong_is_a_true_warning(
    fault: Fault, subject: str, is_right: bool
) -> None:
    """And nothing at all is one of its twin."""
    bad = next(w for w in BAD if w.spec.fault is fault)
    twin = next(w for w in TWINS if w.spec.fault is fault)
    assert bad.is_right(subject) is is_right
    assert not twin.is_right(subject)


def test_the_table_counts_what_was_seen() -> None:
    """Warned of before the circle closed; a deadlock soon after the first meeting is counted apart;
    a false warning is one of a twin."""
    bad = next(w for w in BAD if w.spec.fault is Fault.advisory)
    twin = next(w for w in TWINS if w.spec.fault is Fault.advisory)
    film = Film(seconds=20.0, commits=10)
    early = Watched(warned=3.0, closed=9.0, met=1.0, photographed=True, told=2.0)
    late = Watched(warned=9.5, closed=9.0, met=1.0, photographed=True)
    hasty = Watched(warned=1.0, closed=2.0, met=1.0)
    false = Watched(None, None, 1.0, warnings=(("advisory locks", ""),))
    rows = [Row(bad, film, one, one) for one in (early, late, hasty)]
    rows += [Row(twin, film, false, false)]
    lines = list(tables(Sample(1, 18, 20.0, False, (Driver.asyncpg,), tuple(rows))))
    [warned] = [line for line in lines if line.startswith(f"| {Fault.advisory} | 3")]
    cells = [cell.strip() for cell in warned.split("|")]
    assert cells[2:10] == ["3", "2", "1/2", "1/2", "1/2", "0/0", "1/1", "2/3"]
    assert [line for line in lines if line.startswith(f"| {Fault.advisory} | 1 | 10 | 0 | **1**")]


def test_the_claim_has_the_worse_of_two_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says how many runs it is about."""
    bad = next(w for w in BAD if w.spec.fault is Fault.tables)
    film = Film(seconds=20.0)
    early = Row(bad, film, *[Watched(warned=3.0, closed=9.0, met=1.0)] * 2)
    late = Row(bad, film, *[Watched(warned=9.5, closed=9.0, met=1.0)] * 2)
    good, worse = (
        Sample(seed, 18, 20.0, False, (Driver.asyncpg,), rows)
        for seed, rows in ((1, (early,)), (2, (early, late)))
    )
    monkeypatch.setattr(table, "PAGE", tmp_path / "page.md")
    table.write([good, worse], [])
    text = (tmp_path / "page.md").read_text()
    assert (
        "- Opposite order of tables, warned before: 1 of 2 in the worst seed; 2 of 3 in all" in text
    )
    assert "- Rows in no order, their key granted: no such run." in text
    assert "## Seed 1, PostgreSQL 18" in text
