"""docs/metrics.md: every family that is served, made of the objects that serve it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from alerts.prometheus.own_metrics import OWN_METRICS
from alerts.units import duration_text
from collectors._base import AnyCollector, AnyMetric, Lane, Scope
from collectors._catalogue import all_collectors

INTRODUCTION = """\
# Metrics

Generated from the collectors themselves; `make render` brings it up to date.

Facts about PostgreSQL are called `pg_*`. Where postgres_exporter has the same fact, name, type and
labels are the same, so that dashboards and rules go on working; where its value is wrong, ours is
right under the same name, and the last column says in what. Old spellings are served as well; the
setting `legacy_metrics` turns those off that are marked so. What pgvigil says of itself and of its
verdicts is called `pgvigil_*`.

Where a page holds several servers, each fact carries the label `server`; at
`/metrics?server=NAME`, and with one server alone, none does. An absent sample is one that is not
known, or does not apply: it is never 0 instead. A fact older than three of its paces leaves.
"""

HEADER = "| metric | type | labels | meaning | beside postgres_exporter |\n|---|---|---|---|---|\n"
OWN_HEADER = "| metric | type | labels | meaning |\n|---|---|---|---|\n"


def metrics_page(paces: Mapping[Lane, timedelta]) -> str:
    """Every collector with its metrics, then what pgvigil says of itself."""
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
    if not collector.sql:
        yield "Known to the daemon itself"
        return
    pace = duration_text(paces[collector.lane].total_seconds())
    yield f"Asked every {pace} (`paces.{collector.lane}`)"
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
            f" (`bounds.{collector.name}`) have series of their own, the rest is summed as `other`"
            " where that makes sense"
        )
        if collector.bulk:
            rare = duration_text(paces[Lane.slow].total_seconds())
            yield f"where there are more, all of them are asked every {rare} (`paces.slow`) only"
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
