"""pg_settings: parameters of the server, in base units."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from collectors import _sizes as sizes
from collectors._base import Collector, Lane, Metric, Sample

# Our sessions set some parameters for themselves; what RESET would make of such a one is the
# server's own value, unless our role or database has a default of its own.
QUERY = """
    with ours as materialized (
        select lower(split_part(entry, '=', 1)) as name
        from pg_catalog.pg_db_role_setting, unnest(setconfig) as entry
        where setrole in (0, to_regrole(quote_ident(session_user)))
            and setdatabase in (
                0, (select oid from pg_catalog.pg_database where datname = current_database())
            )
            and (setrole, setdatabase) <> (0, 0)
    ), seen as materialized (
        select
            *,
            source in ('client', 'user', 'database', 'database user')
                or lower(name) in (select name from ours)               as is_hidden,
            -- A transaction begins with the default, and that of ours is not the server's.
            case
                when name in ('transaction_read_only', 'transaction_deferrable')
                then 'default_' || name else name
            end                                                         as default_name
        from pg_catalog.pg_settings
    ), own as materialized (
        select
            name,
            case when not is_hidden then
                case when source = 'session' then reset_val else setting end
            end                                                         as value,
            case when not is_hidden then reset_val end                  as reset_val
        from seen
    )
    select
        seen.name,
        {setting}               as setting,
        unit,
        vartype,
        source,
        pending_restart,
        short_desc,
        context,
        {boot_val}              as boot_val,
        {reset_val}             as reset_val,
        sourcefile,
        sourceline
    from seen
    join own on own.name = seen.default_name
"""
SETTING = """case
            when seen.name = 'transaction_read_only' and pg_is_in_recovery() then 'on'
            else own.value
        end"""
# A value may be as long as its owner likes.
CUT = {
    "{setting}": sizes.left(SETTING, sizes.VALUE_BYTES),
    "{boot_val}": sizes.left("boot_val", sizes.VALUE_BYTES),
    "{reset_val}": sizes.left("own.reset_val", sizes.VALUE_BYTES),
}
for column, expression in CUT.items():
    QUERY = QUERY.replace(column, expression)

SECONDS = {"us": 1e-6, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
MULTIPLE = re.compile(r"(\d*)([A-Za-z]+)")
NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter of the server; None if a default of our role or database hides it."""

    name: str
    setting: str | None
    unit: str | None
    """PostgreSQL's unit; `8kB` is a block of 8192 bytes."""
    vartype: str
    source: str
    """`session` where our session has set it for itself."""
    pending_restart: bool
    short_desc: str
    context: str = "postmaster"
    """Who may change it, and when: postmaster takes a restart, sighup a reload."""
    boot_val: str | None = None
    """What it is where nothing sets it; in `unit`, like the two others."""
    reset_val: str | None = None
    """What RESET would make of it; None is hidden like `setting`."""
    sourcefile: str | None = None
    """The configuration file that sets it; None where no file does."""
    sourceline: int | None = None

    @property
    def base_unit(self) -> str:
        """`seconds`, `bytes`, or an empty text."""
        name = _unit(self.unit)[1]
        return "seconds" if name in SECONDS else "bytes" if name in BYTES else ""

    @property
    def number(self) -> float | None:
        """The value in the base unit; on is 1. None if it is not a number, or unknown."""
        if self.setting is None or self.vartype not in ("bool", "integer", "real"):
            return None
        if self.vartype == "bool":
            return float(self.setting == "on")
        value = float(self.setting)
        # -1 means "none" or "as another setting says", whatever the unit.
        return value if value == -1 else value * _factor(self.unit)


@cache
def _unit(unit: str | None) -> tuple[int, str]:
    match = MULTIPLE.fullmatch(unit or "")
    return (int(match[1] or 1), match[2]) if match else (1, "")


@cache
def _factor(unit: str | None) -> float:
    multiple, name = _unit(unit)
    return multiple * (SECONDS | BYTES).get(name, 1)


def samples(rows: Sequence[Setting]) -> Iterator[Sample]:
    for row in rows:
        if row.number is not None:
            name = NOT_IN_A_NAME.sub("_", row.name)
            yield (f"{name}_{row.base_unit}" if row.base_unit else name,), row.number


def pending(rows: Sequence[Setting]) -> Iterator[Sample]:
    yield (), sum(row.pending_restart for row in rows)


settings = Collector(
    row=Setting,
    lane=Lane.normal,
    sql={140000: QUERY},
    key=("name",),
    metrics=(
        Metric(
            "pg_settings_*",
            "gauge",
            "A parameter of the server.",
            (),
            samples,
            note="Without parameters that have a default for pgvigil's role or for the database"
            " where its sessions are: these hide the server's own value.",
        ),
        Metric(
            "pg_pending_restart_settings",
            "gauge",
            "Parameters whose new value needs a restart.",
            (),
            pending,
        ),
    ),
)
