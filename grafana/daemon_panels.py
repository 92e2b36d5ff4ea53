"""How pgvigil itself is: whether it is up to date, and what it costs the servers."""

from collections.abc import Iterator

from alerts.prometheus.own_metrics import (
    CAN_CONNECT,
    COLLECTOR_DURATION,
    COLLECTOR_LEFT_OUT,
    COLLECTOR_PACE,
    COLLECTOR_SUCCESS_TIMESTAMP,
    CONFIG_RELOAD_OK,
    FINDING_VERDICT_TIMESTAMP,
    SERVER_TIME,
    SESSIONS,
    STATE_FILE_OK,
    UP,
    OwnMetric,
)
from grafana.panels import CRITICAL, WARNING, YES_OR_NO, Panel, Query, graph, ranking
from grafana.queries import own, rate
from grafana.verdict_panels import ill_subjects, in_chapter, not_judged

MOST_SESSIONS = 3
"""On one server, whatever happens."""


def own_findings() -> Iterator[Panel]:
    """What pgvigil says of itself: rights that it lacks, and collectors that bring nothing."""
    yield ill_subjects(in_chapter("observer"), height=5)
    yield not_judged(24, 6)


def reach() -> Iterator[Panel]:
    yield graph(
        "Servers that answer",
        "Whether the session that pgvigil holds answers.",
        YES_OR_NO,
        Query(f"min by (server) ({own(UP)})", "{{server}}"),
    )
    yield graph(
        "A new session can be had",
        "No where one was refused when it was last tried, with the reason.",
        YES_OR_NO,
        Query(f"min by (server, reason) ({own(CAN_CONNECT)})", "{{server}} {{reason}}"),
    )
    yield graph(
        "Configuration and state file",
        "Whether it could be read, or written, when that was last tried.",
        YES_OR_NO,
        Query(own(CONFIG_RELOAD_OK), "configuration, {{instance}}"),
        Query(own(STATE_FILE_OK), "state file, {{instance}}"),
    )


def up_to_date() -> Iterator[Panel]:
    """Ages are those at the time of the scrape: what comes each second is not old for us."""
    yield ranking(
        "Age of answers",
        "Paces since a collector last brought an answer; after three it is no longer trusted.",
        "short",
        Query(
            f"topk(10, {_age(COLLECTOR_SUCCESS_TIMESTAMP)} / {own(COLLECTOR_PACE)})",
            "{{server}} {{collector}}",
        ),
        steps={2: WARNING, 3: CRITICAL},
    )
    yield ranking(
        "Age of verdicts",
        "Seconds since a finding was last judged; the ten oldest.",
        "s",
        Query(f"topk(10, {_age(FINDING_VERDICT_TIMESTAMP)})", "{{server}} {{finding}}"),
    )
    yield ranking(
        "Duration of rounds",
        "How long the last round of a collector took; the ten slowest.",
        "s",
        Query(f"topk(10, {own(COLLECTOR_DURATION)})", "{{server}} {{collector}}"),
    )
    left_out = f"sum by (server, collector) ({own(COLLECTOR_LEFT_OUT)})"
    yield ranking(
        "Rows without a series of their own",
        "Beyond the bound of a collector; they are counted together as `other`.",
        "short",
        Query(f"topk(10, {left_out} > 0)", "{{server}} {{collector}}"),
        empty="Every row has its series.",
    )


def _age(moment: OwnMetric) -> str:
    return f"(timestamp({own(moment)}) - {own(moment)})"


def cost() -> Iterator[Panel]:
    yield graph(
        "Cost",
        "Share of one processor core of the server that pgvigil's questions take.",
        "percentunit",
        Query(rate(own(SERVER_TIME)), "{{server}}"),
        span=12,
    )
    yield graph(
        "Sessions of pgvigil",
        f"Sessions held on each server: two warm ones, never more than {MOST_SESSIONS}.",
        "short",
        Query(own(SESSIONS), "{{server}}"),
        steps={MOST_SESSIONS + 1: CRITICAL},
        whole=True,
        span=12,
    )
