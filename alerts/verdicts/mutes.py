"""Mutes: by configuration, or by a COMMENT in the database."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from alerts._base import Evidence
from alerts.cure import identifier
from collectors.comments import Comment

# A remark ends at the next one, or at the end of its line.
REMARK = re.compile(r"pgvigil:ignore[ \t]+([\w*?]+)[ \t]*:?[ \t]*((?:(?!pgvigil:ignore).)*)")


@dataclass(frozen=True, slots=True)
class Mute:
    """A mute of subjects of findings, with shell patterns."""

    finding: str
    subject: str = "*"
    server: str = "*"
    database: str = "*"
    until: float | None = None
    """Unix seconds after which it no longer applies; None: it never expires."""
    why: str = "muted by configuration"

    def covers(self, server: str, finding: str, evidence: Evidence, at: float) -> bool:
        return (
            (self.until is None or at < self.until)
            and fnmatchcase(finding, self.finding)
            and fnmatchcase(server, self.server)
            and fnmatchcase(evidence.database or "", self.database)
            and any(fnmatchcase(name, self.subject) for name in _names(evidence))
        )


@dataclass(frozen=True, slots=True)
class Mutes:
    """All mutes of one server; comments by (database, object)."""

    configured: tuple[Mute, ...] = ()
    comments: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def why(self, server: str, finding: str, evidence: Evidence, at: float) -> str | None:
        """Return the reason if the subject is muted, else None."""
        for mute in self.configured:
            if mute.covers(server, finding, evidence, at):
                return mute.why
        remark = self.comments.get((evidence.database or "", evidence.object or ""))
        return _remarked(remark, finding) if remark else None


def comments_by_object(rows: Iterable[Comment]) -> dict[tuple[str, str], str]:
    """Return comments by database and object, with the object's name as in evidence."""
    return {(row.datname, identifier(row.schemaname, row.relname)): row.comment for row in rows}


def _remarked(comment: str, finding: str) -> str | None:
    for pattern, why in REMARK.findall(comment):
        if fnmatchcase(finding, pattern):
            return why.strip() or "muted by a comment on it"
    return None


def _names(evidence: Evidence) -> Iterable[str]:
    return filter(None, (evidence.subject, evidence.object))
