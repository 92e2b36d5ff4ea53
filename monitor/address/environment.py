"""Options from libpq's PG* environment variables and from the service file."""

import os.path
from collections.abc import Iterator, Mapping
from pathlib import Path

from monitor.address.dsn import AddressError, Options
from monitor.plain_file import read_text

VARIABLES = {
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGPASSFILE": "passfile",
    "PGDATABASE": "dbname",
    "PGSERVICE": "service",
    "PGSERVICEFILE": "servicefile",
    "PGSYSCONFDIR": "sysconfdir",
    "PGOPTIONS": "options",
    "PGAPPNAME": "application_name",
    "PGCLIENTENCODING": "client_encoding",
    "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGLOADBALANCEHOSTS": "load_balance_hosts",
    "PGSSLMODE": "sslmode",
    "PGSSLNEGOTIATION": "sslnegotiation",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGSSLCRL": "sslcrl",
    "PGSSLCRLDIR": "sslcrldir",
    "PGSSLCOMPRESSION": "sslcompression",
    "PGSSLCERTMODE": "sslcertmode",
    "PGSSLSNI": "sslsni",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
    "PGMINPROTOCOLVERSION": "min_protocol_version",
    "PGMAXPROTOCOLVERSION": "max_protocol_version",
    "PGREQUIREAUTH": "require_auth",
    "PGREQUIREPEER": "requirepeer",
    "PGCHANNELBINDING": "channel_binding",
    "PGGSSENCMODE": "gssencmode",
    "PGGSSDELEGATION": "gssdelegation",
    "PGKRBSRVNAME": "krbsrvname",
    "PGGSSLIB": "gsslib",
}

NAMES_A_SERVER = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGUSER", "PGDATABASE", "PGPORT")
"""If any of these is set, the environment alone is enough to name a server."""


def from_environment(environ: Mapping[str, str]) -> Options:
    """Return the non-empty PG* variables as libpq keywords."""
    return {key: environ[name] for name, key in VARIABLES.items() if environ.get(name)}


def from_service(options: Options) -> Options:
    """Read the options of the service that `options` names. Raises AddressError if undefined."""
    if not (service := options.get("service")):
        return {}
    for file in service_files(options):
        sections = _sections(file) if file.exists() else {}
        if service in sections:
            return sections[service]
    searched = " or ".join(map(str, service_files(options)))
    raise AddressError(f"The service {service} is not defined in {searched}.")


def service_files(options: Options) -> list[Path]:
    """Return the files that may define a service, in order of precedence."""
    own = options.get("servicefile") or os.path.expanduser("~/.pg_service.conf")
    shared = Path(options.get("sysconfdir") or "/etc/postgresql-common")
    return [Path(own), shared / "pg_service.conf"]


def _sections(file: Path) -> Mapping[str, Options]:
    sections: dict[str, dict[str, str]] = {}
    for name, key, value in _lines(file):
        # The first value wins, as in libpq.
        sections.setdefault(name, {}).setdefault(key, value)
    return sections


def _lines(file: Path) -> Iterator[tuple[str, str, str]]:
    section = ""
    for number, line in enumerate(read_text(file).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
        elif "=" in text:
            key, _, value = text.partition("=")
            yield section, key, value
        else:
            raise AddressError(f"Line {number} of {file} is neither [service] nor key=value.")
