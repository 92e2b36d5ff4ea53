"""When most servers are gone at once, the one who looks is more likely ill than all of them."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.own_metrics import UP
from alerts.prometheus.promql import Same, select, wherever
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog

AT_LEAST = 3
"""Of fewer servers the half is one, and that one's own alert says it better."""

# A server that any daemon reaches is reachable.
REACHED = wherever(UP.name)
DOWN = f"max by (server) ({select(UP, **{label: Same() for label in SCRAPED_FROM})}) == 0"

watchdog = Watchdog(
    title="pgvigil reaches less than half of its servers",
    severity=Severity.critical,
    expr=(
        f"avg without (server) ({REACHED}) < 0.5\n"
        f"and count without (server) ({REACHED}) >= {AT_LEAST}"
    ),
    # Sooner than the pages of the servers go out; longer than a daemon needs to look at first.
    hold=timedelta(seconds=15),
    summary="pgvigil reaches only {{ $value | humanizePercentage }} of its servers",
    description=(
        "Look at pgvigil first: its network, its password, its certificates. The alerts of the"
        " single servers are silenced while this one fires."
        + each(f"topk(10, {DOWN})", SCRAPED_FROM, "Unreachable:", "{{ .Labels.server }}", "server")
    ),
    cure=(
        "From where pgvigil runs: psql 'host=ONE-OF-THEM user=pgvigil dbname=postgres"
        " connect_timeout=3' -c 'SELECT 1'. If only that fails, mend its network or its login; if"
        " applications fail as well, look for what these servers share."
    ),
)
