"""Most servers are unreachable at once; probably the network or login of pgvigil is the cause."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.finding_rules import RECORDED
from alerts.prometheus.own_metrics import UP
from alerts.prometheus.promql import Same, select, wherever
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog

AT_LEAST = 3
"""With fewer servers, half of them is one, which has its own alert."""

LATER = "offset 15s"
"""Longer than a daemon needs for its first queries."""

# A server that any daemon reaches is reachable.
REACHED = wherever(UP.name)
REACHED_BEFORE = wherever(f"{UP.name} {LATER}")
ALERTED = select(RECORDED, finding="server_unreachable", severity=Severity.critical)
DOWN = f"max by (server) ({select(UP, **{label: Same() for label in SCRAPED_FROM})}) == 0"

watchdog = Watchdog(
    title="pgvigil reaches less than half of its servers",
    severity=Severity.critical,
    expr=(
        f"avg without (server) ({REACHED}) < 0.5\n"
        f"and count without (server) ({REACHED}) >= {AT_LEAST}\n"
        # At once where a server has an alert, which this one inhibits. A daemon short of CPU judges
        # none of them, and one that has just started has not reached them yet: then it must last.
        f"and on ({', '.join(SCRAPED_FROM)}) (\n"
        f"  {ALERTED}\n"
        f"  or avg without (server) ({REACHED_BEFORE}) < 0.5\n"
        ")"
    ),
    hold=timedelta(0),
    inhibits_findings=True,
    summary="pgvigil reaches only {{ $value | humanizePercentage }} of its servers",
    description=(
        "Check pgvigil first: its network, its password, its certificates. The alerts of the"
        " single servers are inhibited while this one fires."
        + each(f"topk(10, {DOWN})", SCRAPED_FROM, "Unreachable:", "{{ .Labels.server }}", "server")
    ),
    cure=(
        "From where pgvigil runs: psql 'host=ONE-OF-THEM user=pgvigil dbname=postgres"
        " connect_timeout=3' -c 'SELECT 1'. If only that fails, fix its network or its login; if"
        " applications fail too, look for what these servers have in common."
    ),
)
