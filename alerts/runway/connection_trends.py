"""Trend of connections: how many client sessions there are, in all and by user and application."""

from collections import Counter
from collections.abc import Iterator

from alerts.runway.trends import Point, Trends
from collectors._base import AnyAnswer
from collectors.session_counts import CountedSession, session_counts

ALL = ""
GROUPS = 20
"""Users and applications that are followed: those with the most sessions."""
Group = tuple[str | None, str | None]


def is_client(row: CountedSession) -> bool:
    """Whether it uses a slot of ordinary roles; our own sessions do too."""
    return row.backend_type == "client backend"


def group_of(row: CountedSession) -> Group:
    return row.usename, row.application_name


def key_of(group: Group) -> str:
    return "\t".join(part or "" for part in group)


def _all(answer: AnyAnswer) -> Iterator[Point]:
    yield Point(ALL, sum(map(is_client, answer.rows)))


def _groups(answer: AnyAnswer) -> Iterator[Point]:
    clients = Counter(group_of(row) for row in answer.rows if is_client(row))
    for group, count in clients.most_common(GROUPS):
        yield Point(key_of(group), count)


CONNECTIONS = Trends(session_counts, "connections", _all, has_waves=True)
CONNECTION_GROUPS = Trends(session_counts, "connection_groups", _groups, is_kept=False)
"""Kept in RAM alone: applications may give each session a name of its own."""
