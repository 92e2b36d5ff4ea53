"""Panels about pgvigil itself: age of its answers, and its cost."""

from collections.abc import Iterator

from alerts.prometheus.own_metrics import (
    CAN_CONNECT,
    COLLECTOR_DURATION,
    COLLECTOR_LEFT_OUT,
    COLLECTOR_PACE,
    COLLECTOR_SUCCESS_TIMESTAMP,
    CONFIG_RELOAD_OK,
    SERVER_WORK,
    SESSIONS,
    STATE_FILE_OK,
    UP,
    VERDICTS_OVERDUE,
    OwnMetric,
)
from grafana.panels import CRITICAL, WARNING, YES_OR_NO, Panel, Query, graph, ranking
from grafana.queries import own, rate
from grafana.verdict_panels import ill_subjects, in_chapter, not_judged

MOST_SESSIONS = 3
"""Maximum number of sessions on one server."""


def own_findings() -> Iterator[Panel]:
    """Panels about missing privileges and failing collectors."""
    yield ill_subjects(in_chapter("observer"), height=5)
    yield not_judged(24, 6)


def reach() -> Iterator[Panel]:
    yield graph(
        "Servers up",
        "Whether pgvigil's standing session answers.",
        YES_OR_NO,
        Query(f"min by (server) ({own(UP)})", "{{server}}"),
    )
    yield graph(
        "New sessions possible",
        "No if the last attempt was refused, with the reason.",
        YES_OR_NO,
        Query(f"min by (server, reason) ({own(CAN_CONNECT)})", "{{server}} {{reason}}"),
    )
    yield graph(
        "Configuration and state file",
        "Whether the last reload, and the last write, succeeded.",
        YES_OR_NO,
        Query(own(CONFIG_RELOAD_OK), "configuration, {{instance}}"),
        Query(own(STATE_FILE_OK), "state file, {{instance}}"),
    )


def up_to_date() -> Iterator[Panel]:
    """Panels about ages, measured at the time of the scrape."""
    yield ranking(
        "Age of answers",
        "Age of a collector's last answer, in intervals; after three, it is discarded.",
        "short",
        Query(
            f"topk(10, {_age(COLLECTOR_SUCCESS_TIMESTAMP)} / {own(COLLECTOR_PACE)})",
            "{{server}} {{collector}}",
        ),
        steps={2: WARNING, 3: CRITICAL},
    )
    yield ranking(
        "Overdue verdicts",
        "Seconds by which the oldest verdict of a server is overdue.",
        "s",
        Query(f"topk(10, {_age(VERDICTS_OVERDUE)} > 0)", "{{server}}"),
        empty="Every finding was judged in time.",
    )
    yield ranking(
        "Duration of queries",
        "Duration of the last query of each collector; the ten slowest.",
        "s",
        Query(f"topk(10, {own(COLLECTOR_DURATION)})", "{{server}} {{collector}}"),
    )
    left_out = f"sum by (server, collector) ({own(COLLECTOR_LEFT_OUT)})"
    yield ranking(
        "Rows without their own series",
        "Rows above the bound of a collector; they are summed as `other`.",
        "short",
        Query(f"topk(10, {left_out} > 0)", "{{server}} {{collector}}"),
        empty="Every row has its own series.",
    )


def _age(moment: OwnMetric) -> str:
    return f"(timestamp({own(moment)}) - {own(moment)})"


def cost() -> Iterator[Panel]:
    yield graph(
        "Cost",
        "Share of one CPU core of the server that pgvigil's queries take, an estimate.",
        "percentunit",
        Query(rate(own(SERVER_WORK)), "{{server}}"),
        span=12,
    )
    yield graph(
        "Sessions of pgvigil",
        f"Sessions on each server: two standing ones, never more than {MOST_SESSIONS}.",
        "short",
        Query(own(SESSIONS), "{{server}}"),
        steps={MOST_SESSIONS + 1: CRITICAL},
        whole=True,
        span=12,
    )
