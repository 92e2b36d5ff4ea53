"""Report of migrate-check as JSON: its types, from which the published JSON Schema is made."""

import json
from functools import cache
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, with_config

# On Python 3.11, pydantic reads this one only.
from typing_extensions import TypedDict

from alerts.migrations.best_hour import Hour
from alerts.migrations.duration import Duration
from alerts.migrations.kind import Kind
from alerts.migrations.lock_mode import Blocked
from alerts.migrations.verdict import FileVerdict, Verdict

CLOSED = with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
Level = Annotated[str, Field(json_schema_extra={"enum": ["safe", "unknown", "caution", "danger"]})]
"""The worst last."""


@CLOSED
class HourJson(TypedDict):
    """One hour of the week, as a daemon remembers it."""

    hour: str
    """Such as `Sunday 03:00 UTC`."""
    hour_of_week: Annotated[int, Field(ge=0, le=167)]
    """0 is Monday, from midnight on, in UTC."""
    longest_transaction_seconds: float | None
    """Of this database: it may wait that long for its locks."""
    scans_and_rows_per_second: float | None
    """Scans and written rows of the tables that it blocks; null where none is followed."""


@CLOSED
class HoursJson(TypedDict):
    """Hours in which it waits, and those in which the fewest statements would."""

    now: HourJson | None
    best: HourJson | None
    hours_known: int
    """Of the 168 of a week."""
    unknown: str | None
    """Why no hour is known."""


@CLOSED
class VolumeJson(TypedDict):
    """A volume of the live server."""

    places: str
    """What lies there: `data`, `wal`, several with commas."""
    available_bytes: int


@CLOSED
class SpaceJson(TypedDict):
    """Free disk space of the live server."""

    volumes: list[VolumeJson]
    unknown: str | None
    """Why it is not known, where the file needs much space."""


@CLOSED
class LockJson(TypedDict):
    """A lock that the statement takes."""

    table: str
    index: str | None
    """Name of the index that is locked instead of its table."""
    mode: str
    """As in LOCK TABLE."""


@CLOSED
class BlockedTableJson(TypedDict):
    """A table whose sessions wait."""

    table: str
    blocks: Blocked
    statements_per_second: float | None
    """That would wait, at the traffic of now."""


@CLOSED
class SecondsJson(TypedDict):
    """A range, or why there is none."""

    low: float | None
    high: float | None
    unknown: str | None


@CLOSED
class AdviceJson(TypedDict):
    """A sentence, and statements where they can be written."""

    text: str
    sql: list[str]


@CLOSED
class StatementJson(TypedDict):
    """One statement of the file."""

    number: int
    line: int
    statement: str
    """The beginning of its text."""
    verdict: Level
    kind: Kind
    blocks: Blocked
    locks: list[LockJson]
    blocked_tables: list[BlockedTableJson]
    seconds: SecondsJson
    locks_held_seconds: SecondsJson
    """In a transaction, until its end."""
    transaction: int | None
    """Number of the transaction block of the file."""
    writes_bytes: int | None
    fails: str | None
    """Why it will fail."""
    unknown: str | None
    """Why the trace does not tell everything."""
    advice: list[AdviceJson]
    way_back: str | None


@CLOSED
class MigrationJson(TypedDict):
    """Verdict of the files."""

    verdict: Level
    exit_status: Annotated[int, Field(ge=0, le=2)]
    server: str | None
    """Null without a live server."""
    server_version: int | None
    """As server_version_num."""
    note: str | None
    clone_lacks: list[str]
    """Parts of the schema that the copy lacks."""
    hours: HoursJson | None
    """Null where it waits for nothing."""
    free_space: SpaceJson
    statements: list[StatementJson]


@cache
def schema_page() -> str:
    """Return the JSON Schema as text, as it is committed."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema = head | TypeAdapter(MigrationJson).json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def as_json(verdict: FileVerdict) -> MigrationJson:
    """Return the report as JSON."""
    return {
        "verdict": verdict.level.name,
        "exit_status": verdict.exit_status,
        "server": verdict.live.name if verdict.live else None,
        "server_version": verdict.live.version if verdict.live else None,
        "note": verdict.note or None,
        "clone_lacks": list(verdict.lacking),
        "hours": _hours(verdict),
        "free_space": _space(verdict),
        "statements": [_statement(one) for one in verdict.verdicts],
    }


def rounded(seconds: float) -> float:
    """Return it with two digits."""
    return float(f"{seconds:.2g}")


def why_no_hours(verdict: FileVerdict) -> str:
    """Return why no hour is known."""
    return verdict.why_no_week or "the daemon has not seen a whole hour of this database yet"


def _hours(verdict: FileVerdict) -> HoursJson | None:
    choice = verdict.hours
    if not verdict.waits or verdict.live is None:
        return None
    if choice is None:
        return {"now": None, "best": None, "hours_known": 0, "unknown": why_no_hours(verdict)}
    return {
        "now": _hour(choice.now),
        "best": _hour(choice.best),
        "hours_known": choice.hours_known,
        "unknown": None,
    }


def _hour(hour: Hour) -> HourJson:
    return {
        "hour": hour.name,
        "hour_of_week": hour.number,
        "longest_transaction_seconds": None if hour.longest is None else rounded(hour.longest),
        "scans_and_rows_per_second": None if hour.traffic is None else rounded(hour.traffic),
    }


def _space(verdict: FileVerdict) -> SpaceJson:
    free = verdict.week.free if verdict.week else ()
    return {
        "volumes": [{"places": one.places, "available_bytes": one.available_bytes} for one in free],
        "unknown": verdict.why_no_space,
    }


def _statement(one: Verdict) -> StatementJson:
    traced = one.traced
    return {
        "number": traced.statement.number,
        "line": traced.statement.line,
        "statement": traced.statement.head,
        "verdict": one.level.name,
        "kind": one.kind,
        "blocks": one.blocked,
        "locks": [
            {"table": str(held.table), "index": held.index, "mode": held.mode.sql}
            for held in traced.locks
        ],
        "blocked_tables": [
            {
                "table": str(effect.relation),
                "blocks": effect.blocked,
                "statements_per_second": effect.per_second,
            }
            for effect in one.effects
        ],
        "seconds": _seconds(one.duration),
        "locks_held_seconds": _seconds(one.held),
        "transaction": traced.block.number if traced.block else None,
        "writes_bytes": one.writes_bytes,
        "fails": one.failure.message if one.failure else None,
        "unknown": traced.unknown,
        "advice": [{"text": advice.text, "sql": list(advice.sql)} for advice in one.advice],
        "way_back": one.way_back,
    }


def _seconds(length: Duration) -> SecondsJson:
    if length.range is None:
        return {"low": None, "high": None, "unknown": length.reason}
    found = length.range
    return {"low": round(found.low, 3), "high": round(found.high, 3), "unknown": None}
