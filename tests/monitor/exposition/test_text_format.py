"""The text format, with prometheus_client's own parser as the judge."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from alerts.raw_text import is_raw
from collectors._base import Collector, Histogram, Lane, Metric, Sample, Value, counter, gauge
from collectors.replication import replication
from monitor.exposition.render import Renderer, render

HOSTILE = 'we"ird\\na\nme\t\r🐘' + "ü" * 20


@dataclass(frozen=True, slots=True)
class Table:
    datname: str | None
    relname: str | None
    size: Value = None
    scans: int = 0


size: Metric[Table] = gauge("pg_size_bytes", "Size.", lambda row: row.size, ("datname", "relname"))
tables = Collector(
    row=Table,
    lane=Lane.table,
    metrics=(size, counter("pg_scans_total", "Scans.", lambda row: row.scans, ("relname",))),
)


def page(rows: Sequence[Table], server: str | None = None) -> str:
    return b"".join(h + s for h, s in render(tables, rows, server).values()).decode()


def samples(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]


# Some characters stand for bytes that are no UTF-8, and are shown as these.
label = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: not is_raw(text))


@given(label, label, st.none() | label)
def test_labels_come_back_as_they_were(datname: str, relname: str, server: str | None) -> None:
    """Whatever stands in a name, a parser reads the same name, with or without a server."""
    read = samples(page([Table(datname, relname, 1.5)], server), "pg_size_bytes")
    expected = {"datname": datname, "relname": relname}
    assert read == [(expected if server is None else {"server": server} | expected, 1.5)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "1"),
        (False, "0"),
        (0, "0"),
        (2**63 + 1, "9223372036854775809"),
        (0.1, "0.1"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_values_are_exact(value: float, text: str) -> None:
    """A whole number keeps every digit; what is no number is written as the format has it."""
    assert f'relname="t"}} {text}\n' in page([Table("d", "t", value)])


def test_what_is_not_known_has_no_sample() -> None:
    """None is never 0: neither a sample, nor a header without one."""
    assert "pg_size_bytes" not in page([Table("d", "t", None)])


def test_a_label_that_is_not_known_is_empty() -> None:
    """None as a label is the empty string."""
    assert 'pg_size_bytes{datname="",relname="t"} 1\n' in page([Table(None, "t", 1)])


def test_a_duplicate_is_counted_and_the_first_stays() -> None:
    """The same labels twice never stand on a page twice, however they came to be the same."""
    rows = [Table(None, "t", 1), Table("", "t", 2), Table("d", "t", 3)]
    fragments, served = Renderer(tables).render(rows)
    values = [
        value for _, value in samples(fragments["pg_size_bytes"].samples.decode(), "pg_size_bytes")
    ]
    assert (values, served.duplicates) == ([1, 3], 3)


def test_a_histogram_unfolds() -> None:
    """Buckets in order, the last one counting all, with sum and count, and the server in each."""

    def waits(rows: Sequence[Table]) -> Iterator[Sample]:
        yield ("d",), Histogram({5.0: 3, 0.25: 1}, 4, 7.5)

    family = Metric("pg_wait_seconds", "histogram", "Waits.", ("datname",), waits)
    text = b"".join(*render(Collector(Table, Lane.fast, metrics=(family,)), [], "s").values())
    labels = 'server="s",datname="d"'
    assert text.decode().splitlines()[2:] == [
        f'pg_wait_seconds_bucket{{{labels},le="0.25"}} 1',
        f'pg_wait_seconds_bucket{{{labels},le="5"}} 3',
        f'pg_wait_seconds_bucket{{{labels},le="+Inf"}} 4',
        f"pg_wait_seconds_sum{{{labels}}} 7.5",
        f"pg_wait_seconds_count{{{labels}}} 4",
    ]


def test_a_family_without_labels_takes_a_server() -> None:
    """`name value` becomes `name{server} value`."""
    one = Collector(Table, Lane.fast, metrics=(gauge("pg_one", "One.", lambda row: 1),))
    assert render(one, [Table("d", "t")], "s")["pg_one"][1] == b'pg_one{server="s"} 1\n'


def test_a_starred_name_is_completed_by_its_first_label() -> None:
    """`pg_settings_*` is a family for each setting, under a name that the format allows."""

    def settings(rows: Sequence[Table]) -> Iterator[Sample]:
        yield ("work_mem_bytes",), 1
        yield ("auto_explain.log_timing",), True

    star = Metric("pg_settings_*", "gauge", "A setting.", (), settings)
    families = render(Collector(Table, Lane.slow, metrics=(star,)), [])
    assert families["pg_settings_auto_explain_log_timing"] == (
        b"# HELP pg_settings_auto_explain_log_timing A setting.\n"
        b"# TYPE pg_settings_auto_explain_log_timing gauge\n",
        b"pg_settings_auto_explain_log_timing 1\n",
    )


def test_labels_of_rows_that_went_are_forgotten() -> None:
    """What makes rendering cheap holds nothing of rows that are gone."""
    renderer = Renderer(tables)
    for name in "abc":
        renderer.render([Table("d", name, 1)])
    blocks = renderer.blocks
    kept = {
        values for known in (blocks.last, blocks.fresh) for by in known.values() for values in by
    }
    assert ("d", "a") not in kept
    assert ("d", "c") in kept


def test_a_real_collector_without_rows_is_no_page() -> None:
    """A server without standbys has no family of standbys."""
    assert render(replication, []) == {}
