"""Few series of their own, an honest rest."""

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from collectors._base import Bound, Collector, Lane, counter, gauge
from monitor.exposition.bound import sticky
from monitor.exposition.render import Renderer

LABELS = ("datname", "schemaname", "relname")


@dataclass(frozen=True, slots=True)
class Table:
    datname: str
    relname: str
    size: int
    scans: int
    schemaname: str = "public"
    seen: float = 1.0


tables = Collector(
    row=Table,
    lane=Lane.table,
    key=("datname", "relname"),
    bound=Bound(rank="size", top=4),
    metrics=(
        gauge("pg_size_bytes", "Size.", lambda row: row.size, LABELS, additive=True),
        gauge("pg_seen_timestamp_seconds", "Seen.", lambda row: row.seen, LABELS),
        counter("pg_scans_total", "Scans.", lambda row: row.scans, LABELS),
    ),
)


def lines(renderer: Renderer, rows: list[Table], family: str) -> dict[str, float]:
    fragments, _ = renderer.render(rows)
    if family not in fragments:
        return {}
    text = fragments[family].samples.decode().splitlines()
    return {line.split('relname="')[1].split('"')[0]: float(line.split()[-1]) for line in text}


def some(*sizes: int, scans: int = 0) -> list[Table]:
    return [Table("app", f"t{n}", size, scans) for n, size in enumerate(sizes)]


def test_small_systems_see_all() -> None:
    """Below the bound there is no `other`, and nothing is left out."""
    fragments, served = Renderer(tables).render(some(1, 2, 3, 4))
    assert served.left_out == 0
    assert all(b"other" not in fragment.samples for fragment in fragments.values())


def test_the_rest_of_a_size_is_its_sum() -> None:
    """Sizes of those left out are summed; what can't be summed is left out and counted."""
    renderer = Renderer(tables)
    assert lines(renderer, some(50, 40, 30, 20, 7, 5), "pg_size_bytes")["other"] == 12
    assert "other" not in lines(renderer, some(50, 40, 30, 20, 7, 5), "pg_seen_timestamp_seconds")
    assert renderer.render(some(50, 40, 30, 20, 7, 5))[1].left_out == 2


def test_each_database_has_its_own_top() -> None:
    """A large database does not push a small one off the page."""
    small = [replace(table, datname="small") for table in some(3, 2)]
    fragments, _ = Renderer(tables).render(some(50, 40, 30, 20, 7, 5) + small)
    text = fragments["pg_size_bytes"].samples.decode()
    assert 'datname="small",schemaname="public",relname="t1"' in text
    assert 'datname="app",schemaname="other",relname="other"} 12' in text
    assert 'datname="small",schemaname="other"' not in text


def test_the_rest_of_a_counter_grows_by_what_its_rows_grew() -> None:
    """It begins at 0, and counts what those left out did since."""
    renderer = Renderer(tables)
    first = lines(renderer, some(50, 40, 30, 20, 7, 5, scans=1000), "pg_scans_total")
    second = lines(renderer, some(50, 40, 30, 20, 7, 5, scans=1010), "pg_scans_total")
    assert (first["other"], second["other"]) == (0, 20)


def test_changing_sides_neither_adds_nor_takes() -> None:
    """A row that leaves the rest takes with it only its future; one that joins brings no past."""
    renderer = Renderer(tables)
    renderer.render(some(50, 40, 30, 20, 7, 5, scans=1000))
    swapped = lines(renderer, some(5, 40, 30, 20, 7, 50, scans=1001), "pg_scans_total")
    assert "t5" in swapped
    assert "t0" not in swapped
    after = lines(renderer, some(5, 40, 30, 20, 7, 50, scans=1004), "pg_scans_total")
    assert (swapped["other"], after["other"]) == (2, 8)


def test_a_dropped_database_takes_its_rest_along() -> None:
    """Nothing is said of a database that is no more."""
    renderer = Renderer(tables)
    renderer.render(some(50, 40, 30, 20, 7, 5))
    assert lines(renderer, [Table("new", "t", 1, 1)], "pg_scans_total") == {"t": 1}


counts = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=12)


@given(st.lists(counts, max_size=8))
def test_the_rest_of_a_counter_never_falls(rounds: list[list[tuple[int, int]]]) -> None:
    """Whoever comes, goes, grows, is reset or changes sides."""
    renderer, before = Renderer(tables), 0.0
    for rows in rounds:
        found = [Table("app", f"t{n}", size, scans) for n, (size, scans) in enumerate(rows)]
        now = lines(renderer, [Table("app", "fixed", 1000, 1), *found], "pg_scans_total")
        assert now.get("other", before) >= before
        before = now.get("other", before)


@given(st.lists(st.integers(), unique=True), st.sets(st.integers()), st.integers(1, 20))
def test_the_largest_are_always_among_the_chosen(
    ranked: list[int], before: set[int], top: int
) -> None:
    """Stickiness decides at the border only; the number of places is always used."""
    chosen = sticky(ranked, before, top)
    assert len(chosen) == min(top, len(ranked))
    assert set(ranked[: top - top // 4]) <= chosen <= set(ranked[: top + top // 4])


def test_two_that_are_nearly_equal_do_not_take_turns() -> None:
    """One that overtakes by little stays out; the series does not come and go."""
    first = sticky(["a", "b", "c", "d", "e"], set(), 4)
    assert first == {"a", "b", "c", "d"}
    assert sticky(["a", "b", "c", "e", "d"], first, 4) == first
