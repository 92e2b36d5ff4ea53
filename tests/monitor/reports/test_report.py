"""One look as a report: for a person, for a ticket, for a plugin."""

import io
import json
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from alerts._base import Severity, State, Unjudged
from alerts.verdicts.verdict import Verdict
from monitor.reports import terminal as report
from monitor.views import wording
from monitor.views.narrowing import narrowed
from monitor.views.overview import ServerView
from monitor.views.unread import Unread
from monitor.web.findings import as_plain
from tests.fixtures.findings import (
    BLOAT,
    HOSTILE,
    IDLE,
    NOW,
    SATURATION,
    UNUSED,
    bloat,
    idle,
    unused,
)
from tests.fixtures.overview import healthy, ill, overview, primary


def server(*verdicts: Verdict, up: bool = True, unread: tuple[Unread, ...] = ()) -> ServerView:
    found = {v.finding.name: v for v in verdicts}
    return replace(primary(), up=up, verdicts=found, unread=unread)


def printed(*servers: ServerView, terminal: bool = False, width: int = 80) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
    )
    report.text(overview(*servers), console)
    return out.getvalue()


WELL = healthy(SATURATION)[0]
CRITICAL = ill(IDLE, idle(36, Severity.critical, "app", 1))
WARNING = ill(BLOAT, bloat("public.t", 1, 0.5))
INFO = ill(UNUSED, unused("public", "i", 64))
UNKNOWN = Verdict(UNUSED, State.unknown, NOW)
LEARNING = Verdict(UNUSED, State.learning, NOW)
HELD = replace(WARNING, state=State.unknown)


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ((WELL,), 0),
        ((WELL, INFO), 0),
        ((WELL, LEARNING), 0),
        ((WELL, UNKNOWN), 3),
        ((UNKNOWN, WARNING), 1),
        ((UNKNOWN, WARNING, CRITICAL), 2),
        ((HELD,), 1),
    ],
)
def test_the_exit_status_is_that_of_a_plugin(verdicts: tuple[Verdict, ...], status: int) -> None:
    """Critical before warning before unknown; an info and a learning finding are well."""
    assert report.exit_status(overview(server(*verdicts))) == status


def test_a_server_that_does_not_answer_is_not_well() -> None:
    """Even where nothing was judged yet."""
    assert report.exit_status(overview(server(WELL, up=False))) == 3


def test_what_is_not_read_is_told_with_its_grant() -> None:
    """Although no finding needs it: status 1, in every format; not if narrowed to findings."""
    grant = "GRANT USAGE ON SCHEMA ext TO pgvigil;"
    gap = Unread("shop", "the role has no USAGE on the schema ext", grant, ("stat_statements",))
    view = server(WELL, unread=(gap,))
    shown = overview(view)
    assert report.exit_status(shown) == 1
    for told in (printed(view), report.markdown(shown)):
        assert "Not read" in told
        assert "stat" in told
        assert grant in told
    [there] = json.loads(report.as_json(shown))["servers"]
    assert there["unread"][0]["grant"] == grant
    assert report.exit_status(narrowed(shown, [WELL.finding.name])) == 0


def test_a_reason_of_unknown_findings_is_not_told_twice() -> None:
    """It is under *Unknown* already."""
    blind = replace(UNKNOWN, unjudged=(Unjudged("a lock is in the way"),))
    view = server(blind, unread=(Unread(None, "a lock is in the way"),))
    assert report.exit_status(overview(view)) == 3
    assert "Not read" not in printed(view)


def test_json_is_what_findings_serves() -> None:
    """One shape, wherever it is asked for."""
    assert json.loads(report.as_json(overview())) == json.loads(json.dumps(as_plain(overview())))


def test_the_worst_comes_first_and_everything_is_there() -> None:
    """Message, facts, cure, check; what is unknown with its grant; what is muted with its why."""
    said = printed()
    order = ["CRITICAL", "WARNING", "info, ", "Unknown", "Learning", "Muted", "9 healthy"]
    places = [said.index(word) for word in order]
    assert places == sorted(places)
    for words in (
        "pid 4711 · user app",
        "SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity",
        "GRANT pg_read_all_stats TO pgvigil;",
        "needed for the yearly report, ask Kim",
        "explains warning: Bloated table",
        "last known state; it can't be judged now",
    ):
        assert words in said


def test_facts_of_one_name_are_said_together() -> None:
    """A state and its seconds, bytes and their share: one label, both texts."""
    state: dict[str, float | str] = {"state": "idle", "state_seconds": 90.0}
    known = {**state, "bloat_bytes": 2048, "bloat_share": 0.5}
    assert list(wording.facts(known)) == [("state", "idle, 1 min 30 s"), ("bloat", "2 KiB, 50 %")]


@pytest.mark.parametrize("terminal", [True, False])
def test_no_name_commands_the_terminal(terminal: bool) -> None:
    """Escapes are ours or none; rich's own markup in a name is a name."""
    styled = replace(bloat("[red]x[/red] \x9b2J \u202egpj.exe", 1, 0.5))
    said = printed(*overview().servers, server(ill(BLOAT, styled)), terminal=terminal)
    assert "\x1b[31m🐘" not in said
    assert r"\x1b[31m🐘" in said
    assert r"[red]x[/red] \x9b2J \u202egpj.exe" in said
    assert ("\x1b[" in said) is terminal


def test_prose_fits_and_statements_are_whole() -> None:
    """A statement broken at the edge of the terminal would no longer be one when copied."""
    lines = printed(width=60).splitlines()
    statements = [line for line in lines if "SELECT" in line or "SET" in line]
    assert max(map(len, statements)) > 100
    prose = [line for line in lines if re.match(r" {2,4}\S", line)]
    assert 50 < max(map(len, prose)) <= 60


def test_a_line_break_in_a_name_is_escaped_in_a_cure() -> None:
    """The statement stays on one line, where nothing indents a part of the name."""
    lines = printed().splitlines()
    [statement] = [line for line in lines if 'DROP INDEX CONCURRENTLY public.U&"e' in line]
    assert statement.endswith(r'\000A\\{x=""y""} \001B[31m🐘";')


def test_markdown_keeps_names_as_names() -> None:
    """Rendered, the hostile name is text: no element, no link, no emphasis of its making."""
    subject = bloat("``` **x** [y](http://z) <i>", 1, 0.5)
    page = report.markdown(overview(*overview().servers, server(ill(BLOAT, subject))))
    rendered = MarkdownIt("commonmark").render(page)
    assert "<script>" not in rendered
    assert "<strong>" not in rendered
    assert "<a " not in rendered
    assert "<i>" not in rendered
    assert "<code>``` **x** [y](http://z) &lt;i&gt;</code>" in rendered
    assert "GRANT pg_read_all_stats TO pgvigil;" in rendered
    assert HOSTILE[:4] in rendered


def test_a_reason_names_the_databases_in_which_it_holds() -> None:
    """One line for all, unless it names its database itself or is about the server."""

    def told(*unjudged: Unjudged) -> str:
        return printed(server(Verdict(UNUSED, State.unknown, NOW, unjudged=unjudged)), width=200)

    locked = [Unjudged("4 sequences: locked", f"shop{n}", count=4) for n in range(5)]
    assert "4 sequences: locked (in shop0, shop1)" in told(*locked[:2])
    assert "locked (in shop0, shop1, shop2 and 2 more databases)" in told(*locked)
    assert "(in" not in told(Unjudged("shop0: not asked", "shop0"))
    assert "(in" not in told(*locked, Unjudged("4 sequences: locked"))
