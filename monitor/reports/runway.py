"""Walls of servers as a table, and as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from alerts.history.samples import DAY
from alerts.runway.rate import Eta
from alerts.runway.walls import Wall, first_of, walls
from alerts.snapshot import Snapshot
from alerts.units import duration_text, moment_text, share_text
from monitor.reports.escape import safe
from monitor.views.wording import silence

Servers = Mapping[str, tuple[Snapshot, str | None]]
"""What is known of each server, and why it does not answer."""
HEADINGS = ("used", "a day", "reached in", "with the writes", "wall")


def as_text(servers: Servers, writes: float) -> str:
    parts: list[str] = []
    for name, (snapshot, reason) in servers.items():
        parts += ["", name] if len(servers) > 1 else []
        silent = f"{name} does not answer: {silence(snapshot, reason)}"
        parts += [silent] if reason else _lines(snapshot, writes)
    return "\n".join(map(safe, parts)).lstrip("\n") + "\n"


def as_json(servers: Servers, writes: float) -> list[dict[str, Any]]:
    return [
        {
            "server": name,
            "unreachable": reason,
            "at": snapshot.at,
            "writes": writes,
            "walls": [] if reason else [_record(wall, writes) for wall in walls(snapshot)],
        }
        for name, (snapshot, reason) in servers.items()
    ]


def _lines(snapshot: Snapshot, writes: float) -> Iterator[str]:
    found = walls(snapshot)
    headings = tuple(h.replace("the writes", f"{writes:g}× writes") for h in HEADINGS)
    rows = [headings, *(_cells(wall, writes) for wall in found)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(headings))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    yield _verdict(found, writes)


def _verdict(found: list[Wall], writes: float) -> str:
    if all(wall.rate is None for wall in found):
        known = [wall.known_at for wall in found if wall.known_at]
        if not known:
            return "Paces are not known: they come from a state file that the daemon has written."
        return f"Paces are not known yet: from {moment_text(max(known))} on."
    first = first_of(found, writes)
    if first is None:
        return f"At {writes:g} times the present writes no wall is in sight."
    wall, end = first
    return f"At {writes:g} times the present writes {wall.name} comes first, in {_range(end)}."


def _cells(wall: Wall, writes: float) -> tuple[str, ...]:
    rate = "not known" if wall.rate is None else f"{wall.rate.mid * DAY:,.0f}"
    many = _end(wall, writes) if wall.by_writes else "as now"
    return share_text(wall.share), rate, _end(wall, 1.0), many, wall.name


def _end(wall: Wall, writes: float) -> str:
    if wall.rate is None:
        return "not known"
    end = wall.eta(writes)
    return "not in sight" if end is None else _range(end)


def _range(end: Eta) -> str:
    early = duration_text(end.early)
    if end.late is None:
        return f"{early} or later"
    late = duration_text(end.late)
    return early if early == late else f"{early} to {late}"


def _record(wall: Wall, writes: float) -> dict[str, Any]:
    rate = wall.rate
    return {
        "name": wall.name,
        "used": wall.used,
        "limit": wall.limit,
        "share": wall.share,
        "by_writes": wall.by_writes,
        "pace_known_at": wall.known_at,
        "day": None
        if rate is None
        else {"least": rate.low * DAY, "present": rate.mid * DAY, "highest": rate.high * DAY},
        "reached_in_seconds": _seconds(wall.eta()),
        "reached_in_seconds_with_writes": _seconds(wall.eta(writes)),
    }


def _seconds(end: Eta | None) -> dict[str, float | None] | None:
    return None if end is None else {"earliest": end.early, "latest": end.late}
