"""Settings model: every setting with its unit, its default and its purpose."""

from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from annotated_types import Gt
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from alerts.units import Duration
from alerts.verdicts.mutes import Mute
from monitor.config.endpoint import Endpoint
from monitor.config.fields import (
    Endpoints,
    Listed,
    Lower,
    Mapped,
    Optional,
    Pace,
    Patterns,
    PositiveDuration,
    PositiveShare,
    WebAddress,
)
from monitor.config.nearest import unknown_name

STRICT = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Login(BaseModel):
    """Address of a server and the role that pgvigil uses there."""

    model_config = STRICT

    dsn: Optional[SecretStr] = None
    """The server's address in the form that psql accepts: `host=… user=…`, or
    `postgresql://user:password@host:port/database?sslmode=verify-full`. PG* variables supply the
    parts that it leaves out."""

    dsn_file: Optional[Path] = None
    """A file that contains the DSN. It is read again at every connection, so secrets can rotate."""

    user: Optional[str] = None
    """The monitoring role; takes precedence over the one in the DSN."""

    user_file: Optional[Path] = None
    """A file that contains the role name. It is read again at every connection."""

    password: Optional[SecretStr] = None
    """The role's password; takes precedence over the one in the DSN. Prefer `password_file`."""

    password_file: Optional[Path] = None
    """A file that contains the password. It is read again at every connection."""

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        for name in ("dsn", "user", "password"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"{name} and {name}_file are both set, keep one of them")
        return self


class PlansLogin(Login):
    """The login for plans, made by `pgvigil setup-sql --plans` (docs/plans.md). Without a `dsn` it
    is used at the address of the server."""


class DatabasePatterns(BaseModel):
    """The databases of a server that are visited; the server itself is always watched."""

    model_config = STRICT

    include: Patterns = ("*",)
    """Shell patterns of the databases to visit."""

    exclude: Patterns = ()
    """Shell patterns of the databases to skip. Templates and databases that belong to the
    provider (rdsadmin, azure_maintenance, azure_sys, cloudsqladmin) are never visited."""


class ServerSettings(Login):
    """One PostgreSQL instance, a primary or a standby."""

    cluster: Optional[str] = None
    """Name of the cluster. Servers with the same name and the same system identifier are one
    cluster. You need it only if you also watch a copy of production, which has the same system
    identifier."""

    data_directory: Optional[Path] = None
    """Where the daemon sees the server's data directory, mounted read-only; then `disk_full` is
    judged. Not set: the volume can't be seen."""

    wal_directory: Optional[Path] = None
    """Where the daemon sees pg_wal, if that has a volume of its own."""

    server_log: Optional[Path] = None
    """Where the daemon sees the folder of the server's log, mounted read-only, with files in
    jsonlog (from 15) or csvlog. Errors are counted by SQLSTATE; no text is kept."""

    server_log_by_sql: bool = False
    """Whether the server reads its log for the daemon, where the folder is not mounted: by a
    function that `pgvigil setup-sql --server-log` makes (docs/logs.md)."""

    databases: Annotated[DatabasePatterns | None, Mapped] = None
    """Patterns for this server only; without them the general `databases` setting applies."""

    plans: Annotated[PlansLogin | None, Mapped] = None
    """A second login, with which the planner is asked for the plans of the most expensive queries
    (docs/plans.md). Not set: no plan is read."""

    backup_reports: Optional[Path] = None
    """Folder with reports of this server's backups, which a job of yours writes: `pgbackrest.json`,
    `wal-g.json`, `barman.json`, and `restore-tested` after each test of a restore
    (docs/backups.md). pgvigil only reads them, and runs no command."""


class Pooler(Login):
    """One PgBouncer, asked by its console only: a user of its stats_users is enough."""

    servers: Patterns = ()
    """Names of the watched servers behind it. Not set: those whose address it has among its
    databases."""

    log: Optional[Path] = None
    """Where the daemon sees the pooler's log (`logfile` in its ini file): refused logins are
    counted by cause, which no command of the console shows; no text is kept."""


class Paces(BaseModel):
    """Pace of each lane. Queries that cost too much are slowed down automatically."""

    model_config = STRICT

    fast: Pace = timedelta(seconds=1)
    """Sessions and locks. One second is short enough to see a lock queue before users report
    it."""

    normal: Pace = timedelta(seconds=15)
    """The server as a whole: databases, replication, settings. 15 s is a common scrape
    interval."""

    table: Pace = timedelta(seconds=30)
    """Tables and indexes. Dashboards compute rates from these counters, so they must be updated
    often."""

    slow: Pace = timedelta(minutes=5)
    """Queries that read files or catalogues, such as sizes; also the check for new grants."""

    daily: Pace = timedelta(hours=1)
    """Estimates over whole catalogues, such as bloat. They change over days."""


class Bounds(BaseModel):
    """Number of objects of each kind with metrics of their own."""

    model_config = STRICT


class Muting(BaseModel):
    """A finding that should not alert. It is still counted, and listed as muted."""

    model_config = STRICT

    finding: str
    """Name of the finding, or a shell pattern."""

    subject: str = "*"
    """Shell pattern of the affected object, such as `public.audit_*`."""

    server: str = "*"
    """Shell pattern of the server's name."""

    database: str = "*"
    """Shell pattern of the database."""

    until: Optional[date] = None
    """The first day (UTC) on which the mute no longer applies; without it, the mute never
    expires."""

    why: str
    """The reason, shown wherever the muted finding is listed."""

    @field_validator("finding")
    @classmethod
    def _is_known(cls, pattern: str) -> str:
        """Refuse a mute that could never apply."""
        from alerts._catalogue import all_findings

        is_own = pattern.startswith("check_")  # its file is read later
        if not is_own and not any(fnmatchcase(name, pattern) for name in all_findings()):
            raise ValueError(unknown_name("finding", pattern, all_findings()).rstrip("."))
        return pattern

    def mute(self) -> Mute:
        end = None if self.until is None else datetime.fromisoformat(f"{self.until}T00:00Z")
        seconds = None if end is None else end.timestamp()
        return Mute(self.finding, self.subject, self.server, self.database, seconds, self.why)


class Findings(BaseModel):
    """The limits of every finding."""

    # Built only where limits are configured: the validators of all limits take 1.5 MiB.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)


class Settings(BaseSettings, Login):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    config: Optional[Path] = None
    """Path of the YAML file with these settings. The file is read again when it changes."""

    server_name: Optional[str] = None
    """Name of the server of `dsn` in metrics and alerts. The default is `POD_NAME` if it is set,
    otherwise host:port; for a socket, folder:port."""

    cluster: Optional[str] = None
    """Cluster name of the server of `dsn`; see `servers.NAME.cluster`."""

    backup_reports: Optional[Path] = None
    """Folder with reports of backups of the server of `dsn`; see `servers.NAME.backup_reports`."""

    data_directory: Optional[Path] = None
    """Where the daemon sees the data directory of the server of `dsn`; see
    `servers.NAME.data_directory`."""

    wal_directory: Optional[Path] = None
    """Where the daemon sees pg_wal of that server; see `servers.NAME.wal_directory`."""

    server_log: Optional[Path] = None
    """Where the daemon sees the log of that server; see `servers.NAME.server_log`."""

    server_log_by_sql: bool = False
    """Whether that server reads its log for the daemon; see `servers.NAME.server_log_by_sql`."""

    plans: Annotated[PlansLogin | None, Mapped] = None
    """A second login for that server; see `servers.NAME.plans`."""

    servers: Annotated[dict[str, ServerSettings], Mapped] = {}
    """Several servers, by the name that each has in metrics and alerts."""

    poolers: Annotated[dict[str, Pooler], Mapped] = {}
    """PgBouncers, by the name that each has in metrics and alerts, with the address of the console:
    `postgresql://stats@host:6432/pgbouncer` (docs/pooler.md)."""

    databases: Annotated[DatabasePatterns, Mapped] = DatabasePatterns()
    """Which databases are visited."""

    listen: Endpoints = (Endpoint("0.0.0.0", 19187),)
    """Address of the HTTP server, host:port; separate several with commas. Port 0 means any free
    port."""

    web_config_file: Optional[Path] = None
    """YAML file with TLS, client certificates, passwords and headers for HTTP, in the format of
    Prometheus exporters (docs/security.md). It and its certificates are read again when they
    change. Without it, access is not restricted."""

    state_file: Optional[Path] = None
    """SQLite file that keeps history over restarts; its folder must be writable. Without it,
    windows of several days start again at each restart."""

    paces: Annotated[Paces, Mapped] = Paces()
    """How often each lane queries."""

    budget: PositiveShare = 0.01
    """Share of one core of a server that all queries together may take, by the server's own work.
    Above it, they run less often."""

    deadline: PositiveDuration = timedelta(seconds=5)
    """Time limit of a query. The server cancels it after this time, pgvigil shortly afterwards."""

    scrape_interval: PositiveDuration = timedelta(seconds=15)
    """The scrape interval of Prometheus. A finding stays visible for at least two intervals, so
    that no scrape misses it."""

    hold_unknown: Duration = timedelta(hours=1)
    """How long alerts keep the last verdict when it can't be renewed: an unreachable server must
    not resolve its alerts."""

    subjects_shown: Annotated[int, Gt(0)] = 10
    """How many subjects of each finding have their own series and cures, the worst first."""

    bounds: Annotated[Bounds, Mapped] = Bounds()
    """How many objects of a server have their own metrics, the largest first. The others are
    summed as `other`, and counted."""

    legacy_metrics: bool = True
    """Whether metrics are also served under their old names, such as pg_replication_lag, and
    pg_stat_bgwriter_buffers_alloc without `_total`; docs/metrics.md lists them."""

    statement_texts: bool = False
    """Whether metrics have the texts of statements, without values, as
    `pg_stat_statements_query_id`. They are on the pages in any case, and in no alert."""

    runbook_base: Optional[WebAddress] = None
    """Base URL of runbook links in alerts; the finding's name is appended. The default is the
    daemon's own pages, if their address is known."""

    pages: bool = True
    """Whether pages with evidence (`/`, `/locks`, `/statements`, `/findings`) are served. They
    show names of objects and sessions. Metrics are always served."""

    checks: Optional[Path] = None
    """Folder with checks of your own: SQL files with front matter (docs/own-checks.md). A change is
    noticed within seconds."""

    mute: Annotated[tuple[Annotated[Muting, Mapped], ...], Listed] = ()
    """Findings that should not alert, until when and why."""

    findings: Annotated[Findings, Mapped] = Findings()
    """The limits of each finding, by its name."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lower] = "info"
    """The lowest level that is logged."""

    log_format: Annotated[Literal["auto", "console", "json"], Lower] = "auto"
    """`console` is for people, `json` for programs; `auto` means console on a terminal, json
    otherwise."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Disable pydantic's own sources (`USER` would become `user`); `load` passes others."""
        return (named["init_settings"],)

    @model_validator(mode="after")
    def _means_one_or_several(self) -> Self:
        if self.servers and (self.dsn or self.dsn_file):
            raise ValueError("dsn and servers are both set, move the server of dsn into servers")
        return self
