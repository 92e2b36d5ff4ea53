"""Lock report of all servers as text, for `pgvigil locks`."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from alerts.locks.order import Capture, Risk
from alerts.locks.parties import listed, row_text, who
from alerts.plural import plural
from alerts.units import duration_text
from monitor.reports.escape import safe
from monitor.views.lock_tree import Branch, LockView
from monitor.views.wording import clock

HANGING = 4
"""Columns by which the continuation of a long line is indented."""
Line = tuple[str, str]
"""Text, and its style on a terminal."""


def lock_report(views: Iterable[tuple[str, LockView]], now: float) -> Text:
    """Return the report of all servers."""
    text = Text(f"Locks as of {clock(now)}\n", style="bold")
    for server, view in views:
        for line, style in (("", ""), (server, "bold"), *server_lines(view, now)):
            text.append(safe(line) + "\n", style=style or "not bold")
    return text


def fitted(text: Text, console: Console) -> Text:
    """Fit the text into the window: wrap long lines, and count the lines that are cut off."""
    lines = [piece for line in text.split("\n") for piece in _hanging(line, console)]
    height = max(2, console.height)
    if len(lines) > height:
        hidden = len(lines) - height + 1
        lines[height - 1 :] = [Text(f"… {plural(hidden, 'more line')}; --once prints all", "dim")]
    return Text("\n").join(lines)


def _hanging(line: Text, console: Console) -> Iterator[Text]:
    """Wrap a line; continuations are indented more than its start."""
    indent = min(len(line.plain) - len(line.plain.lstrip()), console.width // 2)
    pieces = line[indent:].wrap(console, max(8, console.width - indent - HANGING))
    for number, piece in enumerate(pieces or [line]):
        yield Text(" " * (indent + HANGING * bool(number))) + piece


def server_lines(view: LockView, now: float) -> Iterator[Line]:
    if view.unknown:
        yield f"  Unknown: {view.unknown}", "yellow"
        return
    if silence := view.silence(now):
        ago = duration_text(silence)
        yield f"  The state {ago} ago; the server has not answered since.", "yellow"
    if not view.forest:
        yield "  No session waits for a lock.", ""
    for branch in view.forest:
        yield from branch_lines(branch)
    if view.left_out:
        yield f"  and {plural(view.left_out, 'more session')}", "dim"
    for capture in view.captures:
        yield from capture_lines(capture)
    for risk in view.risks:
        yield from risk_lines(risk, now)


def branch_lines(branch: Branch) -> Iterator[Line]:
    indent = "  " * (branch.depth + 1)
    pid = f", pid {branch.node}" if isinstance(branch.node, int) else ""
    circle = "in a deadlock, " if branch.in_circle else ""
    style = "bold red" if branch.in_circle else "bold" if branch.depth == 0 else ""
    place = f" in {branch.database}" if branch.database else ""
    yield f"{indent}{branch.who}{pid}{place}, {circle}{doing(branch)}", style
    if branch.statement:
        yield f"{indent}  {branch.statement}", "dim"
    if branch.more:
        yield f"{indent}and {branch.more} more like this", "dim"


def doing(branch: Branch) -> str:
    """Describe what a session waits for; for a root, its state and how many wait for it."""
    lasting = "" if branch.seconds is None else f" {duration_text(branch.seconds)}"
    if branch.waits_for:
        return f"waits{lasting} for {branch.waits_for}"
    state = f"{branch.state or 'state unknown'}{lasting and ' for' + lasting}"
    if branch.transaction_seconds is not None:
        state += f", transaction open for {duration_text(branch.transaction_seconds)}"
    return f"{state}, {plural(branch.victims, 'session')} waiting for it"


def capture_lines(capture: Capture) -> Iterator[Line]:
    end = "not resolved yet"
    if capture.victim is not None:
        was = "was" if capture.victim_is_sure else "was probably"
        end = f"pid {capture.victim} {was} rolled back"
    yield f"  Deadlock at {clock(capture.at)}, {end}:", "red"
    for captive in capture.captives:
        wants = row_text(captive.relation, captive.ctid) or captive.locktype
        yield f"    {who(captive.party)}, waits for {wants}: {captive.party.statement}", ""


def risk_lines(risk: Risk, now: float) -> Iterator[Line]:
    tables = listed(table.name for table in risk.circle)
    ago, where = duration_text(max(0.0, now - risk.last)), risk.circle[0].database
    yield f"  Locked in opposite order: {tables} in {where}, seen {ago} ago:", "yellow"
    for seen in risk.sightings:
        yield f"    {who(seen.waiter)}: {seen.waiter.statement}", ""
        yield f"    conflicted with {who(seen.blocker)}: {seen.blocker.statement}", ""
