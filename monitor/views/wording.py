"""Texts for numbers, times and states, on pages and in reports."""

from collections.abc import Iterator, Mapping

from alerts._base import Severity, Shape, State
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import bytes_text, duration_text, moment_of, share_text
from alerts.verdicts.causes import Folded
from alerts.verdicts.verdict import Subject, Verdict
from collectors.connection import connection
from monitor.views.summary import Summary

Fact = float | int | str | bool | None
UNITS = {
    "_seconds": duration_text,
    "_bytes": bytes_text,
    "_share": share_text,
    "_ratio": share_text,
}
NAMES = ("pid", "oid", "xid", "port", "version", "id")
"""A number whose name ends in one of these is an identifier, not a quantity."""
UNSEEN = "unknown"


def facts(known: Mapping[str, Fact]) -> Iterator[tuple[str, str]]:
    """Yield label and text of each fact; the unit moves from the label to the text.

    Facts that then have the same label (a state and its seconds, bytes and their share) are joined.
    """
    said: dict[str, list[str]] = {}
    for name, value in known.items():
        suffix = next((end for end in UNITS if name.endswith(end)), "")
        label = name.removesuffix(suffix).replace("_", " ").strip() or name
        said.setdefault(label, []).append(fact(name, suffix, value))
    yield from ((label, ", ".join(texts)) for label, texts in said.items())


def fact(name: str, suffix: str, value: Fact) -> str:
    if value is None:
        return UNSEEN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if suffix:
        return UNITS[suffix](value)
    if name.endswith("_until"):
        return clock(value)
    if name.rpartition("_")[2] in NAMES:
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def silence(snapshot: Snapshot | None, cause: str | None) -> str:
    """Return why a server does not answer: what was met, or else its kind in one word."""
    standing = snapshot.row(connection) if snapshot and snapshot.has(connection) else None
    return (standing.message if standing else None) or cause or "not queried yet"


def clock(at: float) -> str:
    """Format unix seconds as 2026-01-01 00:00:00 UTC."""
    return moment_of(at).strftime("%Y-%m-%d %H:%M:%S UTC")


def lasting(case: Folded, now: float) -> str:
    """Return how long a condition has lasted, or how long ago an event was."""
    over = case.subject.over
    seconds = max(0.0, (now if over is None else over) - case.subject.since)
    if seconds < 1 and over is None:
        return "just now"
    time = duration_text(seconds)
    return f"{time} ago" if case.verdict.finding.shape is Shape.event else f"for {time}"


def facts_age(verdict: Verdict, now: float) -> str:
    """Return how old the facts are that a verdict stands on; empty if it stands on none."""
    if verdict.facts_at is None:
        return ""
    return f"facts {duration_text(max(0.0, now - verdict.facts_at))} old"


def mark(subject: Subject, now: float) -> str:
    """Return a remark about a subject that is not ill at the moment; else an empty text."""
    if subject.held:
        return "last known state; it can't be judged now"
    if subject.over is not None:
        ago = duration_text(max(0.0, now - subject.over))
        return f"ended {ago} ago, shown until it is scraped"
    return ""


def headline(picture: Summary) -> str:
    """Return the counts by severity in one line; unknown findings are always included."""
    only = picture.overview.narrowed_to
    return _headline(picture) + (f" (only {only})" if only else "")


def _headline(picture: Summary) -> str:
    servers = picture.overview.servers
    poolers = picture.overview.poolers
    if not servers and not poolers and picture.overview.alone is None:
        return "No server is watched"
    counts = [(picture.by_severity(s), s.value) for s in sorted(Severity, key=lambda s: -s.rank)]
    counts.append((picture.by_state(State.unknown), "unknown"))
    parts = [f"{number:,} {what}" for number, what in counts if number]
    silent = sum(view.unreachable is not None for view in picture.down)
    # Just after a start, some have not been tried.
    for number, what in ((silent, "unreachable"), (len(picture.down) - silent, "not queried yet")):
        if number:
            which = f"{number} of {len(servers)} servers" if len(servers) > 1 else "server"
            parts.append(f"{which} {what}")
    if unread := len(picture.unread):
        parts.append(f"{plural(unread, 'thing')} can't be read")
    if not parts and picture.by_state(State.healthy):
        if not servers and not poolers:
            return f"Nothing is wrong with {picture.overview.alone}"
        several = ((servers, "server"), (poolers, "pooler"))
        return "Nothing is wrong on " + " and ".join(plural(len(n), w) for n, w in several if n)
    return ", ".join(parts) or "Nothing is known yet"


def review_count(picture: Summary) -> str:
    """Return how much there is to review; empty where there is nothing."""
    count = len(picture.reviews)
    return f"{plural(count, 'point')} to review" if count else ""


def quiet_counts(picture: Summary) -> str:
    """Return the counts of verdicts that need no attention, by state."""
    states = (State.healthy, State.learning, State.muted, State.not_applicable)
    counts = [(picture.by_state(state), state.replace("_", " ")) for state in states]
    counts.append((len(picture.unconfigured), "not configured"))
    return ", ".join(f"{number:,} {what}" for number, what in counts if number)
