"""New passwords are stored as MD5: a copy of the stored text is as good as the password."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from collectors.settings import settings

NAME = "password_encryption"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it is MD5 or it is not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row = snapshot.answer(settings).by("name").get(NAME)
    if row is None:
        return
    if row.setting is None:
        yield Unjudged("a default of the monitoring role hides the server's value", subject=NAME)
    elif row.setting == "md5":
        yield evidence(snapshot)


def evidence(snapshot: Snapshot) -> Evidence:
    return Evidence(
        subject=NAME,
        severity=Severity.warning,
        value=1,
        message=(
            "New passwords are stored as MD5 (password_encryption): a copy of the stored text is"
            " enough to log in, and later versions of PostgreSQL will refuse it."
        ),
        facts={NAME: "md5"},
        cure=(
            *change(snapshot, NAME, "'scram-sha-256'"),
            remark("Then set each password again (\\password in psql), and write scram-sha-256"),
            remark("instead of md5 in pg_hba.conf once all are. Old drivers may lack SCRAM."),
        ),
        check="SHOW password_encryption;",
    )


finding = Finding(
    title="Passwords as MD5",
    severities=(Severity.warning,),
    reads=(settings,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
