"""Panels about wait events: average active sessions, by event and by client."""

from collections.abc import Iterator

from grafana.panels import Panel, Query, graph, ranking
from grafana.queries import SERVER_NAMED, by, fact, rate
from grafana.verdict_panels import ill_subjects, in_chapter

EVENTS = 12
CLIENT = "{{usename}} ({{application_name}}), {{server}}/{{datname}}"
NONE = "No session was active."
SMOOTH = "1m"
"""Step at which a share of time shows gaps, and not the rhythm of looks and scrapes."""


def wait_findings() -> Iterator[Panel]:
    yield ill_subjects((*in_chapter("waits"), *in_chapter("sessions")))


def load_panels() -> Iterator[Panel]:
    seconds = rate(fact("pg_wait_seconds_total"))
    yield graph(
        "Active sessions by type of wait event",
        "Average number of active sessions. CPU: they run, or wait for a core. Time in which"
        " pgvigil did not look is not counted.",
        "short",
        Query(by("sum", "wait_event_type", seconds), f"{{{{wait_event_type}}}} {SERVER_NAMED}"),
        stacked=True,
        empty=NONE,
        span=16,
    )
    yield graph(
        "Time that was looked at",
        "Share of time that the looks at sessions cover; less than 1 where the server did not"
        " answer.",
        "percentunit",
        Query(
            f"clamp_max({by('max', '', rate(fact('pg_wait_watched_seconds_total')))}, 1)",
            SERVER_NAMED,
            SMOOTH,
        ),
    )


def event_panels() -> Iterator[Panel]:
    named = "wait_event_type, wait_event"
    seconds = rate(fact("pg_wait_seconds_total"))
    largest = f"topk({EVENTS}, {by('sum', named, seconds)} > 0.01)"
    yield ranking(
        "Largest wait events",
        f"The {EVENTS} events with most active sessions, averaged; CPU is no wait."
        " The page /waits of pgvigil explains each.",
        "short",
        Query(_event_named(largest), f"{{{{event}}}} {SERVER_NAMED}"),
        empty=NONE,
    )
    waits = rate(fact("pg_wait_seconds_total", wait_event_type="LWLock"))
    yield ranking(
        "Lines for structures in memory",
        "Lightweight locks: sessions stand in line for the same structure, and more clients make"
        " it slower. wait_event_dominant tells what to do.",
        "short",
        Query(f"{by('sum', 'wait_event', waits)} > 0", f"{{{{wait_event}}}} {SERVER_NAMED}"),
        empty="No session waited for a structure in memory.",
    )


def client_panels() -> Iterator[Panel]:
    seconds = rate(fact("pg_wait_client_seconds_total"))
    yield ranking(
        "Busiest clients",
        "Average number of active sessions by user, application and database.",
        "short",
        Query(
            f"topk({EVENTS}, {by('sum', 'usename, application_name, datname', seconds)} > 0.01)",
            CLIENT,
        ),
        empty=NONE,
    )
    yield graph(
        "Active sessions by database",
        "Average number of active sessions.",
        "short",
        Query(by("sum", "datname", seconds), "{{server}}/{{datname}}"),
        stacked=True,
        empty=NONE,
        span=12,
    )


def _event_named(events: str) -> str:
    """Add the label `event`: type and name, where both are `CPU` that word once."""
    joined = f'label_join({events}, "event", " ", "wait_event_type", "wait_event")'
    return f'label_replace({joined}, "event", "CPU", "event", "CPU CPU")'
