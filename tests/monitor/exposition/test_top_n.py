"""Few series of their own, an honest rest."""

from dataclasses import asdict, dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from collectors._base import Bound, Collector, Lane, counter, gauge
from collectors._columns import Columns, block
from monitor.exposition.render import Renderer
from monitor.exposition.store import Store
from monitor.exposition.top_n import fair_share, sticky

LABELS = ("datname", "schemaname", "relname")


@dataclass(frozen=True, slots=True)
class Table:
    datname: str
    relname: str
    size: int
    scans: int
    schemaname: str = "public"
    seen: float = 1.0
    root_relname: str | None = None
    unknown: int | None = None


tables = Collector(
    row=Table,
    lane=Lane.table,
    key=("datname", "relname"),
    bound=Bound(rank="size", top=4, whole={"relname": "root_relname"}),
    metrics=(
        gauge("pg_size_bytes", "Size.", lambda row: row.size, LABELS, additive=True),
        gauge("pg_unknown_bytes", "Unknown.", "unknown", LABELS, additive=True),
        gauge("pg_seen_timestamp_seconds", "Seen.", lambda row: row.seen, LABELS),
        counter("pg_scans_total", "Scans.", "scans", LABELS),
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
    """Also if rows are added, removed, grow, are reset or change sides."""
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


def as_columns(rows: list[Table]) -> Columns[Table]:
    return Columns(Table, [block(Table, [asdict(row) for row in rows])])


@given(st.lists(counts, max_size=5))
def test_columns_are_served_as_rows_are(rounds: list[list[tuple[int, int]]]) -> None:
    """However an answer is kept, its page is the same."""
    by_row, by_column = Renderer(tables), Renderer(tables)
    for rows in rounds:
        found = [Table("app", f"t{n}", size, scans) for n, (size, scans) in enumerate(rows)]
        one, other = by_row.render(found), by_column.render(as_columns(found))
        assert one == other


def test_what_is_known_of_none_is_not_zero() -> None:
    """The rest of a size that nobody knows is not served; what is known of some is."""
    rows = some(50, 40, 30, 20, 7, 5)
    assert lines(Renderer(tables), rows, "pg_unknown_bytes") == {}
    known = [*rows[:-1], replace(rows[-1], unknown=3)]
    assert lines(Renderer(tables), known, "pg_unknown_bytes") == {"other": 3}


def partitions(*scans: int, seen: float = 1.0) -> list[Table]:
    return [
        Table("app", f"events_{n}", 10, one, seen=seen + n, root_relname="events")
        for n, one in enumerate(scans)
    ]


def test_partitions_are_summed_into_their_parent() -> None:
    """Sizes are sums, times the latest, and no partition has a series of its own."""
    rows = [Table("app", "events", 0, 0, seen=0.0), *partitions(5, 6), Table("app", "t", 7, 1)]
    renderer = Renderer(tables)
    assert lines(renderer, rows, "pg_size_bytes") == {"events": 20, "t": 7}
    assert lines(Renderer(tables), rows, "pg_seen_timestamp_seconds") == {"events": 2, "t": 1}
    assert Renderer(tables).render(rows)[1].left_out == 2


def test_a_parent_is_ranked_by_all_of_its_partitions() -> None:
    """Many small ones are as large as they are together."""
    rows = [*some(15, 14, 13, 12, 11), *partitions(0, 0)]
    assert lines(Renderer(tables), rows, "pg_size_bytes")["events"] == 20


def test_a_dropped_partition_takes_nothing_from_the_counter_of_its_parent() -> None:
    """It grows by what the partitions grow; a fall would look like a reset."""
    renderer = Renderer(tables)
    assert lines(renderer, partitions(500, 600), "pg_scans_total") == {"events": 0}
    assert lines(renderer, partitions(503, 604), "pg_scans_total") == {"events": 7}
    assert lines(renderer, partitions(503), "pg_scans_total") == {"events": 7}
    assert lines(renderer, partitions(505), "pg_scans_total") == {"events": 9}


def test_newer_rows_leave_the_rest_as_it_was() -> None:
    """Between two whole answers only what has series is asked: nothing else moves."""
    renderer = Renderer(tables)
    renderer.render(some(50, 40, 30, 20, 7, 5, scans=1000))
    before = lines(renderer, some(50, 40, 30, 20, 7, 5, scans=1010), "pg_scans_total")
    fragments, served = renderer.renew(some(50, 40, 30, 20, 7, scans=1020)[:3])
    text = fragments["pg_scans_total"].samples.decode()
    assert 'relname="t0"} 1020\n' in text
    assert 'relname="t3"' not in text
    assert 'relname="other"} 20\n' in text
    assert (before["other"], served.left_out) == (20, 2)


@given(st.lists(st.integers(0, 50)), st.integers(0, 100))
def test_a_bound_is_shared_and_never_exceeded(sizes: list[int], top: int) -> None:
    """Small databases are shown whole; what they leave is for the others, in equal parts."""
    share = fair_share(sizes, top)
    assert sum(min(size, share) for size in sizes) <= top
    if sum(sizes) <= top:
        assert share >= max(sizes, default=0)
    else:
        assert sum(min(size, share + 1) for size in sizes) > top


def test_databases_of_a_server_share_its_bound() -> None:
    """Two hundred databases have no more series together than one; the setting counts."""
    store, rows = Store(), [replace(table, datname="x") for table in some(*range(10))]
    for _ in range(2):
        for database in "abc":
            store.put("it", tables, database, [replace(r, datname=database) for r in rows])
    sizes = store.page("it").body.decode().count("pg_size_bytes{")
    assert sizes == 3 * (1 + 1)  # one of its own and `other`, as 4 // 3 is 1
    served = store.put("it", tables, "a", rows, {tables.name: 30})
    assert served.left_out == 0
