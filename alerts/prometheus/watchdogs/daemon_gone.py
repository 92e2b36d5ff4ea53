"""A daemon that has been scraped before answers no more, or there is none at all."""

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
    # A target that Prometheus no longer knows has no `up`; then at least one daemon must be left.
    expr=f"{GONE}\nor on ()\nabsent({BUILD_INFO})",
    hold=timedelta(minutes=5),
    summary="pgvigil is gone{{ with $labels.instance }}: {{ . }} does not answer{{ end }}",
    description=(
        "Nobody judges the servers that it watched: an alert of theirs that ends now says nothing."
        + each(SERVERS, ("job", "instance"), "It watched:", "{{ .Labels.server }}", "server")
    ),
    cure=(
        "Read why it ended (`kubectl logs --previous`, `journalctl -u pgvigil`) and start it again;"
        " if it runs, Prometheus's page Targets says why it can't be reached."
    ),
)
