"""The demo's settings: ordinary ones, by which what takes weeks in production takes seconds."""

from collections.abc import Iterator, Mapping

from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.reference import settings_of, variable
from monitor.config.settings import Settings
from monitor.demo.launcher import Postgres
from monitor.demo.shop import MONITOR

SHORTENED = {
    "paces.normal": "5s",
    "paces.table": "10s",
    "paces.slow": "15s",
    "paces.daily": "30s",
    "findings.index_unused.window": "15s",
    "findings.index_unused.min_bytes": "5MB",
    "findings.idle_in_transaction.silent": "20s",
    "findings.idle_in_transaction.silent_harmful": "10s",
}
HERE = "127.0.0.1:19187"
OF_THE_CALLER = ("PGVIGIL_LISTEN", "PGVIGIL_LOG_LEVEL", "PGVIGIL_LOG_FORMAT")
"""All else in the environment is about somebody's real servers."""


def settings(server: Postgres, flags: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """To watch that server; flags rule over what is shortened. Raises ConfigurationError."""
    ours = {variable(path): text for path, text in SHORTENED.items()}
    ours |= {"PGVIGIL_LISTEN": HERE, "PGVIGIL_LOG_LEVEL": "warning"}
    ours |= {name: environ[name] for name in OF_THE_CALLER if environ.get(name)}
    place = {"dsn": server.dsn("postgres", MONITOR), "server_name": "demo"}
    return load({**flags, **place}, ours, settings_type())


def written() -> Iterator[str]:
    """What is shortened, as it would be set by hand, and what it is without that."""
    defaults = {known.path: known.default for known in settings_of(settings_type())}
    for path, text in SHORTENED.items():
        yield f"{variable(path)}={text} (default {defaults[path]})"


def notice() -> str:
    """One sentence for pages and reports, and the settings below it."""
    sentence = (
        "This is a demo on a throw-away PostgreSQL: what takes minutes to weeks in production is"
        " shortened by ordinary settings."
    )
    return "\n".join((sentence, *written()))
