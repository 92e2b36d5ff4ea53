"""A configuration file has a line that the server can't use: the next restart may fail."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.settings._rows import by_name
from alerts.limits import BaseLimits
from alerts.setting_owner import FORMS, SettingOwner, owner_of
from alerts.snapshot import Snapshot
from collectors.file_settings import FileSetting, file_settings
from collectors.settings import settings

UNREADABLE = (
    "only superusers may read pg_file_settings, which shows passwords in settings as well;"
    " pgvigil does not ask for that right"
)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: a line can be used or not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known = {name.lower(): row for name, row in by_name(snapshot).items()}
    for row in snapshot.rows(file_settings):
        own = known.get((row.name or "").lower())  # a file may write Port or datestyle
        if not row.may_read:
            yield Unjudged(UNREADABLE, subject="pg_file_settings")
        elif row.error is not None and not (own and own.pending_restart):
            yield evidence(snapshot, row)


def evidence(snapshot: Snapshot, row: FileSetting) -> Evidence:
    what = row.name or "the line"
    return Evidence(
        subject=f"{row.file}:{row.line}",
        severity=Severity.warning,
        value=1,
        message=(
            f"{what} in {row.file}, line {row.line}, is not used: {row.error}. A reload then"
            " leaves out changes, and the server may not start again."
        ),
        facts={"file": row.file, "line": row.line, "name": row.name},
        cure=cure(snapshot, row),
        check=(
            "SELECT sourcefile, sourceline, name, error FROM pg_catalog.pg_file_settings"
            " WHERE error IS NOT NULL;"
        ),
    )


def cure(snapshot: Snapshot, row: FileSetting) -> tuple[str, ...]:
    owner = owner_of(by_name(snapshot))
    if owner is not SettingOwner.files:
        return (remark(f"{FORMS[owner]} correct {row.name or 'what made that line'} there."),)
    return (
        remark(
            f"Correct line {row.line} of {row.file} before anything restarts the server. When the"
            " check shows no row any more:"
        ),
        "SELECT pg_catalog.pg_reload_conf();",
    )


finding = Finding(
    title="Errors in the configuration files",
    severities=(Severity.warning,),
    reads=(file_settings, settings),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
