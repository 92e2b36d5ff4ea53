"""The whole page: joined from fragments, one server or several, and never torn."""

import gzip
import subprocess
from dataclasses import dataclass, replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from collectors._base import AnyMetric, Collector, Lane, counter, gauge
from monitor.exposition.store import KEPT, Store
from tests.fixtures.findings import HOSTILE
from tests.fixtures.overview import overview, primary, standby, unreachable
from tests.fixtures.requirements import Tool


@dataclass(frozen=True, slots=True)
class Size:
    datname: str
    size: int


@dataclass(frozen=True, slots=True)
class Count:
    datname: str
    size: int


Size.__module__, Count.__module__ = "made.up.sizes", "made.up.counts"
size: AnyMetric = gauge("pg_size_bytes", "Size.", lambda row: row.size, ("datname",))
sizes = Collector(row=Size, lane=Lane.slow, metrics=(size,))
counts = Collector(
    row=Count,
    lane=Lane.slow,
    metrics=(
        gauge("pg_size_bytes", "Other words.", lambda row: row.size, ("datname",)),
        counter("pg_seen_total", "Seen.", lambda row: row.size, ("datname",)),
    ),
)


def facts(store: Store, server: str | None = None) -> list[str]:
    return [line for line in store.page(server).body.decode().split("\n") if line.startswith("pg_")]


@pytest.fixture
def store() -> Store:
    return Store()


def test_one_server_alone_has_no_label(store: Store) -> None:
    """Rules written for one exporter beside one server join as they always did."""
    store.set_own(overview(primary()))
    store.put("shop", sizes, None, [Size("a", 1)])
    assert facts(store) == ['pg_size_bytes{datname="a"} 1'] == facts(store, "shop")


def test_several_servers_are_told_apart(store: Store) -> None:
    """On the common page each fact says whose it is; alone on its page none does."""
    store.set_own(overview(primary(), unreachable()))
    store.put("shop", sizes, None, [Size("a", 1)])
    store.put(HOSTILE, sizes, None, [Size("a", 2)])
    [family] = [
        f
        for f in text_string_to_metric_families(store.page().body.decode())
        if f.name == "pg_size_bytes"
    ]
    assert [s.labels["server"] for s in family.samples] == ["shop", HOSTILE]
    assert facts(store, HOSTILE) == ['pg_size_bytes{datname="a"} 2']


def test_a_family_has_one_header_whoever_writes_into_it(store: Store) -> None:
    """The first to name a family describes it."""
    store.put("shop", sizes, None, [Size("a", 1)])
    store.put("shop", counts, None, [Count("b", 2)])
    text = store.page().body.decode()
    assert text.count("# HELP pg_size_bytes ") == 1
    assert "# HELP pg_size_bytes Size.\n" in text
    assert len(facts(store)) == 3


def test_dropping_takes_just_what_is_named(store: Store) -> None:
    """A database, a collector, a server: each leaves the page alone."""
    for server in ("shop", "shop-b"):
        for database in "ab":
            store.put(server, sizes, database, [Size(database, 1)])
        store.put(server, counts, None, [Count("c", 1)])
    store.drop("shop", sizes, "a")
    assert len(facts(store, "shop")) == 3
    store.drop("shop", sizes)
    assert len(facts(store, "shop")) == 2
    store.drop("shop")
    assert facts(store, "shop") == []
    assert len(facts(store, "shop-b")) == 4


def test_a_family_that_a_collector_no_longer_fills_leaves(store: Store) -> None:
    """An answer replaces the one before it whole."""
    store.put("shop", sizes, None, [Size("a", 1)])
    store.put("shop", sizes, None, [])
    assert b"pg_size_bytes" not in store.page().body


def test_an_unchanged_page_is_the_same_page(store: Store) -> None:
    """Nobody joins or packs again what did not change; whatever changed is seen at once."""
    store.put("shop", sizes, None, [Size("a", 1)])
    page = store.page("shop")
    assert gzip.decompress(page.pack()) == page.body
    assert page.pack() is page.pack()
    store.put("shop", sizes, None, [Size("a", 1)])
    store.put("other", sizes, None, [Size("a", 1)])
    assert store.page("shop") is page
    store.put("shop", sizes, None, [Size("a", 2)])
    assert store.page("shop") is not page


def test_of_a_fleet_only_the_last_pages_are_kept(store: Store) -> None:
    """Each has half a megabyte, and most are asked for again only after they have changed."""
    for number in range(KEPT + 3):
        store.put(f"server-{number}", sizes, None, [Size("a", 1)])
        last = store.page(f"server-{number}")
    assert len(store.pages) == KEPT
    assert store.page(f"server-{KEPT + 2}") is last
    assert store.page("server-0").body


def test_the_page_without_any_server_has_the_daemon(store: Store) -> None:
    """Before the first answer there is a page that says who speaks."""
    store.set_own(replace(overview(), servers=()))
    text = store.page().body.decode()
    assert "pgvigil_build_info{" in text
    assert "process_resident_memory_bytes" in text


def test_promtool_finds_nothing_to_say(store: Store, tool: Tool) -> None:
    """Our own families keep the conventions of the field, with facts beside them."""
    store.set_own(overview(primary(), standby(), unreachable()))
    store.put("shop", sizes, None, [Size("a", 1)])
    store.put("shop-b", sizes, None, [Size("a", 1)])
    page = store.page().body
    said = subprocess.run([tool("promtool"), "check", "metrics"], input=page, capture_output=True)
    assert (said.returncode, said.stdout + said.stderr) == (0, b"")


def test_a_part_never_returns_after_its_collector_was_dropped(store: Store) -> None:
    """It was rendered in the background while the loop lost the server."""
    store.set_own(overview(primary()))
    store.put("shop", sizes, None, [Size("a", 1)])
    store.drop("shop", sizes)
    store.put("shop", sizes, None, [Size("a", 2)], whole=False)
    assert facts(store) == []


def test_the_same_rows_are_not_rendered_again(store: Store) -> None:
    """What is added up grows with each answer, whatever the rows; the rest says the same."""
    rendered: list[int] = []

    def looked(row: Size) -> float:
        rendered.append(row.size)
        return row.size

    plain = replace(size, samples=lambda rows: (((row.datname,), looked(row)) for row in rows))
    collector = replace(sizes, metrics=(plain,))
    rows = [Size("a", 1)]
    for _ in range(3):
        assert store.put("shop", collector, None, rows).left_out == 0
    assert rendered == [1]
    store.drop("shop")
    store.put("shop", collector, None, rows)
    assert facts(store, "shop") == ['pg_size_bytes{datname="a"} 1']
    summed = replace(sizes, metrics=(replace(size, adds_up=True),))
    for total in (1, 2, 3):
        store.put("sum", summed, None, rows)
        assert facts(store, "sum") == [f'pg_size_bytes{{datname="a"}} {total}']
