"""Migration while it runs: who waits behind it, and whether to cancel it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.cure import cancel
from alerts.plural import plural
from alerts.units import duration_text

BEHIND_A_WAIT = 2.0
"""Seconds that sessions wait behind a migration which itself still waits for its lock."""
HURTS = 5.0
"""Seconds that the first session waits behind a migration which has its lock."""
MANY = 20
"""Sessions behind it that hurt at once."""


@dataclass(frozen=True, slots=True)
class Running:
    """A session of the live server that is not idle."""

    pid: int
    backend_start: str
    xact_start: str | None
    state: str
    seconds: float
    """Since its statement began, or ended where the session is idle in a transaction."""
    query: str
    blockers: tuple[int, ...] = ()
    """Sessions that it waits for."""
    is_cut: bool = False
    """Whether only the beginning of its statement is known (track_activity_query_size)."""

    def line_in(self, lines: Mapping[str, int]) -> int | None:
        """Return the line of its statement, or None if it is none of these."""
        text = plain(self.query)
        if text in lines or not (text and self.is_cut):
            return lines.get(text)
        return next((line for whole, line in lines.items() if whole.startswith(text)), None)


@dataclass(frozen=True, slots=True)
class Watched:
    """A session that runs a statement of the migration."""

    session: Running
    line: int
    behind: tuple[Running, ...]
    """Sessions that wait for it, also through others; the longest first."""
    progress: str | None = None

    @property
    def waits(self) -> bool:
        return bool(self.session.blockers)

    @property
    def hurts(self) -> bool:
        """Whether it is better cancelled."""
        if not self.behind:
            return False
        longest = self.behind[0].seconds
        limit = BEHIND_A_WAIT if self.waits else HURTS
        return longest >= limit or len(self.behind) >= MANY

    @property
    def sentence(self) -> str:
        """What it does now."""
        since = duration_text(self.session.seconds)
        pids = ", ".join(map(str, self.session.blockers[:5]))
        if self.waits:
            doing = f"waits for its lock for {since}, held by pid {pids}"
        elif self.session.state == "active":
            doing = f"runs for {since}"
        else:
            doing = f"is idle in its transaction for {since}, with all its locks"
        progress = f", {self.progress}" if self.progress else ""
        return f"line {self.line} (pid {self.session.pid}) {doing}{progress}; {self.queue}"

    @property
    def queue(self) -> str:
        if not self.behind:
            return "no session waits behind it"
        longest = duration_text(self.behind[0].seconds)
        verb = "waits" if len(self.behind) == 1 else "wait"
        return f"{plural(len(self.behind), 'session')} {verb} behind it, the first for {longest}"

    @property
    def advice(self) -> tuple[str, ...]:
        """The statement that cancels it, where it hurts."""
        if not self.hurts:
            return ()
        session = self.session
        return (cancel(session.pid, session.backend_start, session.xact_start),)


def watched(
    sessions: Iterable[Running], lines: Mapping[str, int], progress: Mapping[int, str]
) -> list[Watched]:
    """Find the sessions that run a statement of the migration, by its text."""
    everyone = list(sessions)
    found = []
    for session in everyone:
        line = session.line_in(lines)
        if line is not None:
            behind = _behind(session.pid, everyone)
            found.append(Watched(session, line, behind, progress.get(session.pid)))
    return found


def plain(query: str) -> str:
    """Return a statement without what psql or a driver may change: space, and the semicolon."""
    return " ".join(query.split()).rstrip("; ")


def _behind(pid: int, everyone: Iterable[Running]) -> tuple[Running, ...]:
    """Return the sessions that wait for this one, directly or through others."""
    waiting = [session for session in everyone if session.blockers]
    reached, found = {pid}, []
    grown = True
    while grown:
        grown = False
        for session in waiting:
            if session.pid not in reached and reached & set(session.blockers):
                reached.add(session.pid)
                found.append(session)
                grown = True
    return tuple(sorted(found, key=lambda session: -session.seconds))
