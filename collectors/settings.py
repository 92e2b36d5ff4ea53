"""pg_settings: parameters of the server, in base units."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample

# Some values apply only to our own session: those in our start-up packet, and those set for our
# role or database. A session can't see the server's own value of these.
QUERY = """
    select
        name,
        case
            when source in ('client', 'session', 'user', 'database', 'database user') then null
            when name in ('transaction_read_only', 'transaction_deferrable') then null
            else setting
        end                     as setting,
        unit,
        vartype,
        source,
        pending_restart,
        short_desc,
        context,
        boot_val,
        case
            when source in ('client', 'session', 'user', 'database', 'database user') then null
            when name in ('transaction_read_only', 'transaction_deferrable') then null
            else reset_val
        end                     as reset_val,
        sourcefile,
        sourceline
    from pg_catalog.pg_settings
"""

SECONDS = {"us": 1e-6, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
MULTIPLE = re.compile(r"(\d*)([A-Za-z]+)")
NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter of the server; None if the value of our own session hides it."""

    name: str
    setting: str | None
    unit: str | None
    """PostgreSQL's unit; `8kB` is a block of 8192 bytes."""
    vartype: str
    source: str
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


def _unit(unit: str | None) -> tuple[int, str]:
    match = MULTIPLE.fullmatch(unit or "")
    return (int(match[1] or 1), match[2]) if match else (1, "")


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
            note="Without parameters that pgvigil sets for its own sessions (jit, lock_timeout,"
            " statement_timeout and others): a session can't see the server's own value.",
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
