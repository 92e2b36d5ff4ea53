"""A daemon can no longer be scraped, or there is none at all."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.own_metrics import BUILD_INFO, UP
from alerts.prometheus.promql import Same, select
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog

# `up` is Prometheus's own: whether the last scrape of a target worked.
GONE = f"up == 0 and on (job, instance) last_over_time({BUILD_INFO}[1d])"
SERVERS = f"last_over_time({select(UP, job=Same(), instance=Same())}[1d])"

watchdog = Watchdog(
    title="pgvigil is gone",
    severity=Severity.critical,
    # A removed target has no `up`; then at least one daemon must be left.
    expr=f"{GONE}\nor on ()\nabsent({BUILD_INFO})",
    hold=timedelta(minutes=5),
    summary="pgvigil is gone{{ with $labels.instance }}: {{ . }} does not answer{{ end }}",
    description=(
        "Its servers are not judged any more: their alerts stay as they are for an hour, then end."
        + each(SERVERS, ("job", "instance"), "It watched:", "{{ .Labels.server }}", "server")
    ),
    cure=(
        "Find out why it ended (`kubectl logs --previous`, `journalctl -u pgvigil`), restart it;"
        " if it runs, Prometheus's page Targets shows why it can't be scraped."
    ),
)
