"""Most servers are unreachable at once; probably the network or login of pgvigil is the cause."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.finding_rules import RECORDED
from alerts.prometheus.own_metrics import UP
from alerts.prometheus.promql import Same, select
from alerts.prometheus.reached_servers import (
    GROUP,
    LOST,
    REACHED,
    REACHED_BEFORE,
    new,
    watched,
)
from alerts.prometheus.rule import alert_name
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog

ALERTED = select(RECORDED, finding=LOST, severity=Severity.critical)
DOWN = f"max by (server) ({select(UP, **{label: Same() for label in SCRAPED_FROM})}) == 0"
SHARE = f"(avg without (server) ({REACHED}))"
NAME = alert_name("most_servers_unreachable")


def low(reached: str) -> str:
    """Less than half of the servers are reached; the value is their share."""
    return f"(avg without (server) ({reached}) < 0.5 and {watched(reached)})"


watchdog = Watchdog(
    title="pgvigil reaches less than half of its servers",
    severity=Severity.critical,
    # It begins with a new alert of a server, which it inhibits. A daemon short of CPU judges no
    # server, and one that has just started has reached none yet, while it holds the alerts of those
    # that were down before: then it must last for 15 s. Once it fires, it outlasts those alerts
    # that end within a minute.
    expr=(
        f"({low(REACHED)}\n  and on ({GROUP}) ({new(ALERTED)} or {low(REACHED_BEFORE)}))\n"
        f"or\n(min_over_time({SHARE}[1m:5s]) < 0.5\n"
        f"  and on ({GROUP}) {ALERTED}\n"
        f'  and on ({GROUP}) ALERTS{{alertname="{NAME}",alertstate="firing"}})'
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
