"""Look that ended before everything was asked: what is absent from it may be there."""

from alerts.snapshot import NOT_YET
from alerts.verdicts.verdict import Verdict
from monitor.polling.databases import UNSEEN
from monitor.views.overview import Overview, ServerView

AGAIN = "not everything was asked in time: the server or this machine is busy; try again"


def is_unfinished(server: ServerView) -> bool:
    """Whether the time was too short to ask everything: what was not asked may be missing."""
    return any(is_late(server, verdict) for verdict in server.verdicts.values())


def is_late(server: ServerView, verdict: Verdict) -> bool:
    """Whether it could not be judged, or not all of it, for want of time alone."""
    late = (NOT_YET.reason, UNSEEN.reason, *(one.reason for one in server.unread if one.late))
    return any(one.reason.endswith(late) for one in verdict.unjudged)


def unfinished_reviews(overview: Overview) -> list[ServerView]:
    """Return the servers that answer, and of which not all reviews could be judged in time."""
    return [
        view
        for view in overview.servers
        if view.up and any(v.finding.is_review and is_late(view, v) for v in view.verdicts.values())
    ]
