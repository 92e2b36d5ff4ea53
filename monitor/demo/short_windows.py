"""Settings of the demo, which shorten windows from weeks to seconds."""

from collections.abc import Iterator, Mapping

from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.reference import settings_of, variable
from monitor.config.settings import Settings
from monitor.demo import pooler
from monitor.demo.launcher import Postgres
from monitor.demo.shop import MONITOR, PLANS

SHORTENED = {
    "paces.normal": "5s",
    "paces.table": "5s",
    "paces.slow": "10s",
    "paces.daily": "30s",
    # Queries that usually run once an hour or a day run each half minute here.
    "budget": "25%",
    "findings.index_bloat.min_bytes": "512kB",
    "findings.index_bloat.floor_bytes": "512kB",
    "findings.toast_bloat.min_bytes": "1MB",
    "findings.toast_bloat.floor_bytes": "1MB",
    "findings.index_unused.window": "15s",
    "findings.index_unused.min_bytes": "5MB",
    "findings.index_unused.min_writes": "0",
    "findings.query_plan_signals.window": "15s",
    "findings.query_plan_signals.min_calls": "2",
    "findings.query_temp_spill.window": "15s",
    "findings.query_temp_spill.min_bytes": "1MB",
    "findings.query_temp_spill.min_calls": "2",
    "statement_texts": "true",
    "findings.idle_in_transaction.silent": "20s",
    "findings.idle_in_transaction.silent_harmful": "10s",
}
HERE = "127.0.0.1:19187"
OF_THE_CALLER = ("PGVIGIL_LISTEN", "PGVIGIL_LOG_LEVEL", "PGVIGIL_LOG_FORMAT")
"""Only these variables of the caller apply; the others may name real servers."""


def settings(server: Postgres, flags: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Return the settings to watch that server; flags take precedence.

    Raises ConfigurationError.
    """
    ours = {variable(path): text for path, text in SHORTENED.items()}
    ours |= {"PGVIGIL_LISTEN": HERE, "PGVIGIL_LOG_LEVEL": "warning"}
    ours |= {name: environ[name] for name in OF_THE_CALLER if environ.get(name)}
    watched = {"dsn": server.dsn("postgres", MONITOR), "server_name": "demo", "plans.user": PLANS}
    return load({**flags, **watched, **pooler.settings(server)}, ours, settings_type())


def written() -> Iterator[str]:
    """Yield each shortened setting as a variable, with its default."""
    defaults = {known.path: known.default for known in settings_of(settings_type())}
    for path, text in SHORTENED.items():
        yield f"{variable(path)}={text} (default {defaults[path]})"


def notice() -> str:
    """Return a message for pages and reports: one sentence, then the settings."""
    sentence = (
        "This is a demo on a temporary PostgreSQL: settings shorten the windows that take minutes"
        " to weeks in production."
    )
    return "\n".join((sentence, *written()))
