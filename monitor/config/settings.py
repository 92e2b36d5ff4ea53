"""What can be configured: every setting once, with its unit, its default and why it is there."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from annotated_types import Gt
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from alerts.units import Duration
from alerts.verdicts.mutes import Mute
from monitor.config.fields import (
    Endpoint,
    Endpoints,
    Listed,
    Lower,
    Mapped,
    Optional,
    Patterns,
    PositiveDuration,
    PositiveShare,
    WebAddress,
)

STRICT = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Login(BaseModel):
    """Where a server is and who we are there."""

    model_config = STRICT

    dsn: Optional[SecretStr] = None
    """The server's address as psql takes it: `host=… user=…`, or
    `postgresql://user:password@host:port/database?sslmode=verify-full`. PG* variables fill in what
    it leaves out."""

    dsn_file: Optional[Path] = None
    """A file with the dsn, read again at every connection, so that secrets can rotate."""

    user: Optional[str] = None
    """The monitoring role; rules over the one in the dsn."""

    user_file: Optional[Path] = None
    """A file with the role, read again at every connection."""

    password: Optional[SecretStr] = None
    """The role's password; rules over the one in the dsn. A file is the better place."""

    password_file: Optional[Path] = None
    """A file with the password, read again at every connection."""

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        for name in ("dsn", "user", "password"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"{name} and {name}_file are both set, keep one of them")
        return self


class Databases(BaseModel):
    """Which databases of a server are visited; the server itself is always watched."""

    model_config = STRICT

    include: Patterns = ("*",)
    """Shell patterns of databases to visit."""

    exclude: Patterns = ()
    """Shell patterns of databases to leave out. Templates and databases that belong to the
    provider (rdsadmin, azure_maintenance, azure_sys, cloudsqladmin) are never visited."""


class Server(Login):
    """One PostgreSQL instance, a primary or a standby."""

    cluster: Optional[str] = None
    """Servers count as one cluster when this and their system identifier are equal. Needed
    only where a copy of production, which shares its identifier, is watched as well."""

    databases: Annotated[Databases | None, Mapped] = None
    """Patterns for this server alone; without them the general ones count."""


class Paces(BaseModel):
    """How often each lane asks. A round that costs too much is asked less often by itself."""

    model_config = STRICT

    fast: PositiveDuration = timedelta(seconds=1)
    """Sessions and locks: one second sees a pile-up before it is reported by people."""

    normal: PositiveDuration = timedelta(seconds=15)
    """The server as a whole: databases, replication, settings; a usual scrape interval."""

    table: PositiveDuration = timedelta(seconds=30)
    """Tables and indexes; dashboards take the rate of their counters, so they must not stand
    still for long."""

    slow: PositiveDuration = timedelta(minutes=5)
    """What walks files or catalogues, such as sizes, and the look for new grants."""

    daily: PositiveDuration = timedelta(hours=1)
    """Estimates over whole catalogues, such as bloat; they change over days."""


class Bounds(BaseModel):
    """How many objects of each kind have metrics of their own."""

    model_config = STRICT


class Muting(BaseModel):
    """What nobody wants to hear of. It is still counted and listed as muted."""

    model_config = STRICT

    finding: str
    """The finding's name or a shell pattern of names."""

    subject: str = "*"
    """Shell pattern of the ill object, such as `public.audit_*`."""

    server: str = "*"
    """Shell pattern of the server's name."""

    database: str = "*"
    """Shell pattern of the database."""

    until: Optional[date] = None
    """The first day, in UTC, on which it counts no more; without one it lasts."""

    why: str
    """The reason, for whoever finds it next."""

    def mute(self) -> Mute:
        end = None if self.until is None else datetime.fromisoformat(f"{self.until}T00:00Z")
        seconds = None if end is None else end.timestamp()
        return Mute(self.finding, self.subject, self.server, self.database, seconds, self.why)


class Findings(BaseModel):
    """The limits of every finding."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(BaseSettings, Login):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    config: Optional[Path] = None
    """The YAML file with these settings. It is watched, and read again when it changes."""

    server_name: Optional[str] = None
    """What the one server of `dsn` is called in metrics and alerts. By default the name of the
    pod we run in (`POD_NAME`), else its host:port; of a socket, its folder:port."""

    cluster: Optional[str] = None
    """As `cluster` of a server, for the one server of `dsn`."""

    servers: Annotated[dict[str, Server], Mapped] = {}
    """Several servers, by the name each has in metrics and alerts."""

    databases: Annotated[Databases, Mapped] = Databases()
    """Which databases are visited."""

    listen: Endpoints = (Endpoint("0.0.0.0", 19187),)
    """Where HTTP is served, host:port; several are parted by commas, port 0 takes a free one."""

    web_config_file: Optional[Path] = None
    """TLS, client certificates, passwords and headers for HTTP, in the YAML file that exporters of
    Prometheus share (docs/security.md). It and its certificates are read again when they change.
    Without it everybody who reaches the port may ask."""

    state_file: Optional[Path] = None
    """Where memory is kept over restarts (SQLite); its folder must be writable. Without it
    pgvigil works, and windows of days begin anew with each start."""

    paces: Annotated[Paces, Mapped] = Paces()
    """How often each lane asks."""

    budget: PositiveShare = 0.01
    """Share of wall time that all rounds together may take on a server; beyond it they are asked
    less often."""

    deadline: PositiveDuration = timedelta(seconds=5)
    """A query is cancelled by the server after this long, and by us a little later."""

    scrape_interval: PositiveDuration = timedelta(seconds=15)
    """How often Prometheus comes. An illness stays visible for two of these, however short it
    was, so that no scrape misses it."""

    hold_unknown: Duration = timedelta(hours=1)
    """How long the last verdict counts for alerts once it can't be renewed. Going blind must
    not resolve a page."""

    subjects_shown: Annotated[int, Gt(0)] = 10
    """How many of the worst subjects of a finding become series of their own, with their cures."""

    bounds: Annotated[Bounds, Mapped] = Bounds()
    """How many objects of a server have metrics of their own, the largest first; the rest is
    summed as `other`, and counted."""

    legacy_metrics: bool = True
    """Whether metrics are served under their old names too, such as pg_replication_lag and
    pg_stat_bgwriter_buffers_alloc without `_total`; docs/metrics.md lists them."""

    runbook_base: Optional[WebAddress] = None
    """Where alerts send people: an address that a finding's name is added to; by default our
    own pages, as far as their address is known."""

    pages: bool = True
    """Whether pages with evidence (`/`, `/locks`, `/findings`) are served. They name objects and
    sessions; metrics are served in any case."""

    mute: Annotated[tuple[Annotated[Muting, Mapped], ...], Listed] = ()
    """What nobody wants to hear of, until when and why."""

    findings: Annotated[Findings, Mapped] = Findings()
    """The limits of each finding, by its name."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lower] = "info"
    """The least important lines that are logged."""

    log_format: Annotated[Literal["auto", "console", "json"], Lower] = "auto"
    """console for people, json for machines; auto is console on a terminal."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """By itself it reads no variable (`USER` is not ours); `load` says where settings are."""
        return (named["init_settings"],)

    @model_validator(mode="after")
    def _means_one_or_several(self) -> Self:
        if self.servers and (self.dsn or self.dsn_file):
            raise ValueError("dsn and servers are both set, put the one of dsn among servers")
        return self
