"""Statements are not counted: no finding and no page can say which of them takes the time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.extensions import extensions
from collectors.settings import Setting, settings

NAME = "pg_stat_statements"
LIBRARIES = "shared_preload_libraries"
HIDDEN = "the role can't read shared_preload_libraries"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: they are counted or they are not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known = snapshot.answer(settings).by("name")
    libraries = known.get(LIBRARIES)
    if libraries is None or libraries.setting is None:
        yield Unjudged(HIDDEN, subject=LIBRARIES)
    elif NAME not in names(libraries.setting):
        yield not_loaded(snapshot, libraries.setting)
    else:
        yield from switched_off(snapshot, known)
        asked, is_standby = snapshot.answer(extensions), snapshot.node.role is Role.standby
        is_created = any(row.extname == NAME for row in asked.rows)
        # A database that has not answered may have it; on a standby the primary tells it.
        if not is_created and not asked.missing and not is_standby:
            yield not_created()


def names(value: str) -> list[str]:
    """Return the libraries of a list; each may be quoted, and may have a path."""
    parts = (part.strip().strip('"') for part in value.split(","))
    return [part.rpartition("/")[2] for part in parts if part]


def not_loaded(snapshot: Snapshot, value: str) -> Evidence:
    wanted = ", ".join(part for part in (value.strip(), NAME) if part)
    return Evidence(
        subject=LIBRARIES,
        severity=Severity.info,
        value=1,
        message=f"{NAME} is not loaded, so no statement is counted.",
        facts={"shared_preload_libraries": value},
        cure=(
            *change(snapshot, LIBRARIES, wanted),
            remark("The extension is created afterwards; this finding says so then."),
        ),
        check=f"SHOW {LIBRARIES};",
    )


def switched_off(snapshot: Snapshot, known: Mapping[str, Setting]) -> Iterator[Evidence]:
    for name, off, value in (
        (f"{NAME}.track", "none", "top"),
        ("compute_query_id", "off", "auto"),
    ):
        row = known.get(name)
        if row is not None and row.setting == off:
            yield Evidence(
                subject=name,
                severity=Severity.info,
                value=1,
                message=f"{NAME} is loaded, but {name} is {off}: no statement is counted.",
                facts={"setting": name, "configured": off},
                cure=change(snapshot, name, value),
                check=f"SHOW {name};",
            )


def not_created() -> Evidence:
    return Evidence(
        subject=NAME,
        severity=Severity.info,
        value=1,
        message=(
            f"{NAME} is loaded and counts, but no database that is watched has the extension:"
            " what it has counted can't be read."
        ),
        facts={},
        cure=(
            remark("As a superuser, in one database that pgvigil visits; it tells of all:"),
            f"CREATE EXTENSION {NAME} SCHEMA public;",
        ),
        check=(
            "SELECT extname, extversion FROM pg_catalog.pg_extension"
            f" WHERE extname OPERATOR(pg_catalog.=) '{NAME}';"
        ),
        database="postgres",
    )


finding = Finding(
    title="Statements are not counted",
    severities=(Severity.info,),
    reads=(settings, extensions),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
