"""docs/metrics.md: every metric family, generated from the collectors."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from alerts.prometheus.own_metrics import OWN_METRICS
from alerts.units import duration_text
from collectors._base import AnyCollector, AnyMetric, Lane, Scope
from collectors._catalogue import all_collectors

INTRODUCTION = """\
# Metrics

Generated from the collectors; `make render` updates this page.

Metrics of PostgreSQL are named `pg_*`. A metric that postgres_exporter has too keeps its name, type
and labels, so dashboards and rules go on working. Where postgres_exporter's value is wrong, ours
differs, and the last column says how. Old names are served too; `legacy_metrics: false` switches
off the ones marked *Legacy*. Metrics about pgvigil itself and its verdicts are named `pgvigil_*`.

On a page with several servers, each `pg_*` metric has the label `server`; on a page with one
server, such as `/metrics?server=NAME`, none does. A value that is unknown or does not apply is
absent, never 0. A metric is removed after three intervals without a new answer.
"""

HEADER = "| metric | type | labels | meaning | postgres_exporter |\n|---|---|---|---|---|\n"
OWN_HEADER = "| metric | type | labels | meaning |\n|---|---|---|---|\n"


def metrics_page(paces: Mapping[Lane, timedelta]) -> str:
    """Return the page: every collector with its metrics, then the metrics of pgvigil itself."""
    parts = [INTRODUCTION]
    for collector in all_collectors().values():
        if collector.metrics:
            parts += [
                f"## `{collector.name}`\n",
                f"{_about(collector, paces)}\n",
                _table(collector),
            ]
    parts += ["## pgvigil itself\n", OWN_HEADER + "".join(_own_rows())]
    return "\n".join(parts)


def _about(collector: AnyCollector, paces: Mapping[Lane, timedelta]) -> str:
    return "; ".join(_facts(collector, paces)) + "."


def _facts(collector: AnyCollector, paces: Mapping[Lane, timedelta]) -> Iterator[str]:
    pace = duration_text(paces[collector.lane].total_seconds())
    if collector.console:
        yield f"`{collector.console}` of PgBouncer, every {pace} (`paces.{collector.lane}`)"
        return
    if not collector.sql:
        yield "From the daemon itself, without a query"
        return
    yield f"Queried every {pace} (`paces.{collector.lane}`)"
    if collector.scope is Scope.database:
        yield "in each database"
    first = collector.since // 10000
    yield "PostgreSQL 14 and later" if first <= 14 else f"PostgreSQL {first} and later only"
    if collector.on:
        yield f"on a {collector.on} only"
    if collector.extension:
        yield f"needs the extension `{collector.extension}` in any database"
    for need in collector.needs:
        yield f"needs `{need.grant.replace('{role}', 'pgvigil')}`".replace(";`", "`")
    if collector.bound:
        yield (
            f"the {collector.bound.top} largest of a server by {collector.bound.rank}"
            f" (`bounds.{collector.name}`) have their own series, the others are summed as `other`"
            " where a sum has a meaning"
        )
        if collector.bulk:
            rare = duration_text(paces[Lane.slow].total_seconds())
            yield f"the others are queried only every {rare} (`paces.slow`)"
        if collector.bound.whole:
            yield "partitions are summed into their parent"


def _table(collector: AnyCollector) -> str:
    return HEADER + "".join(_row(metric) for metric in collector.metrics)


def _row(metric: AnyMetric) -> str:
    note = " ".join(["Legacy."] * metric.legacy + [metric.note] * bool(metric.note))
    meaning = metric.help + f" From {metric.since} on." * bool(metric.since)
    return _line(f"`{metric.name}`", metric.type, _labels(metric.labels), meaning, note)


def _own_rows() -> Iterator[str]:
    for one in OWN_METRICS:
        yield _line(f"`{one.name}`", one.type, _labels(one.labels), one.help)


def _labels(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
