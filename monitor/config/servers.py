"""Watched servers: the servers named by the settings, each with its address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.address import Address, AddressError, TextOrFile
from monitor.address.environment import NAMES_A_SERVER
from monitor.address.target import DEFAULT_DATABASE, ResolvedAddress
from monitor.config.errors import ConfigurationError
from monitor.config.well_known import origin
from monitor.plain_file import reason

if TYPE_CHECKING:
    from pydantic import SecretStr

    from monitor.config.settings import DatabasePatterns, Login, ServerSettings, Settings

PATTERN = frozenset("*?[")
"""Characters that make a name a pattern."""
PROVIDERS = frozenset(("rdsadmin", "azure_maintenance", "azure_sys", "cloudsqladmin"))
NO_SERVER = (
    "No server is configured: set PGVIGIL_DSN=postgresql://user@host:5432/postgres, PGHOST, or"
    " servers in a configuration file."
)


@dataclass(frozen=True, slots=True)
class DatabaseChoice:
    """Shell patterns of the databases that are visited, and of those that are skipped."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WatchedServer:
    """A server to watch. It compares equal after a reload that did not change its settings, so
    that its sessions can stay."""

    name: str
    address: Address
    cluster: str | None
    databases: DatabaseChoice
    named: str = DEFAULT_DATABASE
    """The database in the address; the others of the server are watched too."""
    backup_reports: Path | None = None
    """Folder with reports of backup tools."""
    data_directory: Path | None = None
    """Where we see its files; None: we don't."""
    wal_directory: Path | None = None
    server_log: Path | None = None
    """Folder with the server's log."""
    server_log_by_sql: bool = False
    """Whether the server reads its log for us."""
    plans: Address | None = None
    """The same server by the login for plans; None: no plan is read."""
    shares_patterns: bool = field(default=False, compare=False)
    """Whether `databases` is said of several servers: a database may be on another of them.

    It changes for all when a second server is added, which is no reason to end sessions.
    """

    @property
    def included(self) -> tuple[str, ...]:
        """The databases that are to be visited by name, not by a pattern."""
        names = (name for name in self.databases.include if not PATTERN.intersection(name))
        return tuple(dict.fromkeys(filter(self.visits, names)))

    def visits(self, database: str) -> bool:
        """Return True if this database (not a template) should be visited."""
        return (
            database not in PROVIDERS
            and any(fnmatchcase(database, pattern) for pattern in self.databases.include)
            and not any(fnmatchcase(database, pattern) for pattern in self.databases.exclude)
        )


def watched_servers(settings: "Settings", environ: Mapping[str, str]) -> dict[str, WatchedServer]:
    """Return the servers by name; none where only poolers are watched.

    Raises ConfigurationError if nothing is named or an address is wrong.
    """
    if not settings.servers:
        return _lone(settings, environ)
    servers = {}
    for name, server in settings.servers.items():
        if not name.strip():
            raise ConfigurationError("servers: the name of a server must not be empty.")
        address = address_of(server, environ)
        named = target_named(address, f"servers.{name}").database
        databases = choice_of(server.databases or settings.databases)
        shares_patterns = server.databases is None and len(settings.servers) > 1
        seen = server.backup_reports, server.data_directory, server.wal_directory
        files = *seen, server.server_log, server.server_log_by_sql
        plans = plans_address(server, environ, f"servers.{name}.plans")
        servers[name] = WatchedServer(
            name, address, server.cluster, databases, named, *files, plans, shares_patterns
        )
    return servers


def _lone(settings: "Settings", environ: Mapping[str, str]) -> dict[str, WatchedServer]:
    named = settings.dsn or settings.dsn_file or settings.user or settings.user_file
    if not named and not any(map(environ.get, NAMES_A_SERVER)):
        if settings.poolers:
            return {}
        raise ConfigurationError(NO_SERVER)
    address = address_of(settings, environ)
    target = target_named(address, origin(_plain(settings.dsn), environ))
    name = settings.server_name or environ.get("POD_NAME") or target.name
    cluster, databases = settings.cluster, choice_of(settings.databases)
    seen = settings.backup_reports, settings.data_directory, settings.wal_directory
    files = *seen, settings.server_log, settings.server_log_by_sql
    plans = plans_address(settings, environ, "plans")
    return {name: WatchedServer(name, address, cluster, databases, target.database, *files, plans)}


def choice_of(patterns: "DatabasePatterns") -> DatabaseChoice:
    return DatabaseChoice(patterns.include, patterns.exclude)


def target_named(address: Address, where: str) -> ResolvedAddress:
    try:
        return address.target()
    except AddressError as wrong:
        raise ConfigurationError(f"{where}: {wrong}") from None
    except OSError as wrong:
        raise ConfigurationError(
            f"{where}: {wrong.filename} can't be read: {reason(wrong)}."
        ) from None


def address_of(login: "Login", environ: Mapping[str, str]) -> Address:
    return Address.of(
        _text(login.dsn, login.dsn_file),
        environ,
        _text(login.user, login.user_file),
        _text(login.password, login.password_file),
    )


def plans_address(
    server: "ServerSettings | Settings", environ: Mapping[str, str], where: str
) -> Address | None:
    """Return the address for plans, which is another role's. Raises ConfigurationError."""
    login = server.plans
    if login is None:
        return None
    if not (login.user or login.user_file or login.dsn or login.dsn_file):
        raise ConfigurationError(f"{where}.user is missing.")
    own = login if login.dsn or login.dsn_file else server
    address = Address.of(
        _text(own.dsn, own.dsn_file),
        environ,
        _text(login.user, login.user_file),
        _text(login.password, login.password_file),
    )
    target_named(address, where)
    return address


def _text(written: "str | SecretStr | None", file: Path | None) -> TextOrFile | None:
    return None if written is None and file is None else TextOrFile(_plain(written), file)


def _plain(written: "str | SecretStr | None") -> str | None:
    return written if written is None or isinstance(written, str) else written.get_secret_value()
