"""The status page: worst first, causes before consequences, and what is not known never hidden."""

import html
import re
from dataclasses import replace

import pytest

from alerts._base import Severity, State, Unjudged
from alerts._catalogue import all_findings
from alerts.prometheus.rulebook import all_watchdogs
from alerts.snapshot import ServerIdentity
from alerts.verdicts.verdict import Verdict
from collectors._base import Kind
from monitor.views.lock_tree import Branch, LockView
from monitor.views.overview import CollectorView, Overview, ServerView, TargetView
from monitor.views.summary import Summary
from monitor.views.unread import Unread
from monitor.web.finding_page import finding_page, known_finding
from monitor.web.index_page import index_page
from monitor.web.locks_page import locks_page
from monitor.web.status import mood, status_page
from tests.fixtures.findings import (
    BLOAT,
    DEADLOCKS,
    DOUBLED,
    IDLE,
    LAG,
    NOW,
    SATURATION,
    UNUSED,
    bloat,
    idle,
    unused,
)
from tests.fixtures.overview import healthy, ill, overview, primary


def page_of(shown: Overview) -> str:
    """The text of the page, on one line."""
    return text_of(status_page(Summary(shown)))


def text_of(page: str) -> str:
    main = page.split("<main", 1)[1].split("</main>", maxsplit=1)[0]
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())


def server(*verdicts: Verdict, **more: object) -> ServerView:
    found = {verdict.finding.name: verdict for verdict in verdicts}
    return replace(primary(), verdicts=found, **more)  # type: ignore[arg-type]


def headline(shown: Overview) -> str:
    found = re.search(r"<h1>(.*?)</h1>", status_page(Summary(shown)))
    assert found
    return found[1]


def test_first_comes_one_line_that_says_it_all() -> None:
    """By severity, then what is unknown, then who does not answer."""
    assert headline(overview()) == "4 critical, 4 warning, 10 unknown, 1 of 3 servers unreachable"


def test_nothing_wrong_is_said_only_when_it_is_known() -> None:
    """Unknown is not healthy, nor is a server that was never heard."""
    well, blind = healthy(IDLE)[0], Verdict(SATURATION, State.unknown, NOW)
    assert headline(overview(server(well))) == "Nothing is wrong on 1 server"
    assert headline(overview(server(well, blind))) == "1 unknown"
    gone, new = server(well, up=False, unreachable="refused"), server(well, up=False)
    assert headline(overview(gone)) == "server unreachable"
    assert headline(overview(new)) == "server not queried yet"
    both = "1 of 2 servers unreachable, 1 of 2 servers not queried yet"
    assert headline(overview(gone, new)) == both
    gap = (Unread("shop", "it is closed"),)
    told = headline(overview(server(well, unread=gap)))
    assert html.unescape(told) == "1 thing can't be read"
    assert headline(overview(server())) == "Nothing is known yet"
    itself = TargetView(Kind.daemon, "pgvigil", ServerIdentity("pgvigil"), {IDLE.name: well})
    assert headline(Overview(at=NOW)) == "No server is watched"
    assert headline(Overview(at=NOW, targets=(itself,))) == "No server is watched"
    asked = Overview(at=NOW, targets=(itself,)).only("pgvigil")
    assert headline(asked) == "Nothing is wrong with pgvigil"


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (healthy(IDLE)[0], "well"),
        (Verdict(IDLE, State.learning, NOW), "well"),
        (ill(BLOAT, bloat("public.t", 1, 0.5)), "warning"),
    ],
)
def test_the_colour_says_what_the_line_says(verdict: Verdict, expected: str) -> None:
    """And never alone: it goes with the words."""
    assert mood(Summary(overview(server(verdict)))) == expected


def test_an_event_was_and_a_condition_is() -> None:
    """A deadlock happened some time ago; it does not last."""
    happened = ill(DEADLOCKS, idle(7, Severity.warning, "app", 1))
    page = page_of(overview(server(happened, ill(IDLE, idle(8, Severity.warning, "app", 2)))))
    assert "7 min ago" in page
    assert page.index("for 8 min") < page.index("7 min ago"), "what goes on comes first"
    assert "just now" in page_of(overview(server(ill(IDLE, idle(0, Severity.warning, "app", 3)))))


def test_what_is_over_is_marked() -> None:
    """Its duration stops at its end, and its cure is folded."""
    over = replace(idle(8, Severity.warning, "app", 2), over=NOW - 10)
    page = page_of(overview(server(ill(IDLE, over))))
    assert "for 7 min 50 s · ended 10 s ago, shown until it is scraped" in page
    assert "<details open" not in status_page(Summary(overview(server(ill(IDLE, over)))))


def test_the_worst_comes_first() -> None:
    """Severities are sorted over all servers; what is only worth knowing comes last, folded."""
    note = ill(LAG, idle(7, Severity.info, "app", 1))
    page = page_of(overview(primary(), server(note)))
    places = [page.index(f"{word} ") for word in ("Critical", "Warning", "Unknown", "Info 1")]
    assert places == sorted(places)
    assert '<details id="s-info">' in status_page(Summary(overview(server(note))))


def test_the_headline_and_the_sections_count_alike() -> None:
    """Findings on servers, by their worst subject; those under a cause are counted and said."""
    page = page_of(overview())
    assert "Critical 4 " in page
    assert "Warning 4 " in page
    assert "Unknown 10 These findings" in page
    assert Summary(overview()).under_cause(Severity.warning) == 1
    assert "1 of them is shown under the cause." in page


def test_a_milder_subject_is_marked_within_its_card() -> None:
    """One card for a finding: the critical one gives it its place, the others keep theirs."""
    both = ill(IDLE, idle(36, Severity.critical, "a", 1), idle(7, Severity.warning, "b", 2))
    page = page_of(overview(server(both)))
    assert page.count("2 subjects") == 1
    assert page.index("a") < page.index("warning")


def test_a_server_has_its_counts_and_links() -> None:
    """The worst server first; the name leads to a page of this server alone."""
    page = status_page(Summary(overview(server(*healthy(IDLE), name="b c"), primary())))
    servers = page.split('class="servers"')[1].split("</ul>")[0]
    assert servers.index(">shop<") < servers.index(">b c<")
    assert 'href="/?server=shop#s-critical">3 critical</a>' in servers
    assert 'href="/locks?server=b%20c"' in servers
    assert "nothing is wrong" in servers


def test_a_server_of_which_nothing_is_known_is_not_called_well() -> None:
    """Among many, it is not folded with those that are."""
    well = [server(*healthy(IDLE), name=f"well-{n}") for n in range(20)]
    page = status_page(Summary(overview(*well, server(name="new"))))
    shown, folded = page.split('id="well"')
    assert "nothing is known yet" in shown
    assert "20 servers on which nothing is wrong" in folded
    assert "well-7" not in shown
    assert "well-7" in folded


def test_the_index_is_reached_from_a_green_page() -> None:
    """Where nothing is wrong, one can still look up what is judged."""
    assert 'href="/index"' in status_page(Summary(overview(server(*healthy(IDLE)))))


def test_the_index_has_every_finding_with_state_reads_and_runbook() -> None:
    """Judged or not, of all servers or of one."""
    page = index_page(overview())
    for name in all_findings():
        [entry] = [
            one for one in page.split("<li data-find>") if f'<code class="dim">{name}<' in one
        ]
        assert f'<a href="/findings/{name}">' in entry
        assert f'href="/findings/{name}#runbook"' in entry
        assert "reads <code>" in entry
        assert 'class="badge' in entry or '<span class="dim">about ' in entry
    assert "1 critical</span>" in page
    one = index_page(overview().only("shop-b"), "shop-b")
    assert "Only <bdi>shop-b</bdi>" in one
    assert "not applicable</span>" in one
    assert all(f'href="/findings/{name}"' in page for name in all_watchdogs())


def test_the_index_tells_what_is_about_others_from_what_is_not_judged_yet() -> None:
    """Without a pooler, no finding about one will ever be judged."""
    fresh = overview(replace(primary(), verdicts={}))
    page = text_of(index_page(fresh))
    assert "pooler_unreachable about poolers reads" in page
    assert "index_unused not judged yet reads" in page
    pooler = TargetView(Kind.pgbouncer, "pool", ServerIdentity("pool"))
    page = text_of(index_page(replace(fresh, targets=(pooler,))))
    assert "pooler_unreachable not judged yet reads" in page


def test_a_root_on_the_page_of_locks_has_its_cure() -> None:
    """With a link to its evidence; who waits has none."""
    root = Branch(0, 7, "app", "shop", "active", 1.0, None, "SELECT 1", cure=("SELECT 'cure';",))
    waits = Branch(1, 8, "web", "shop", "active", 1.0, "public.t", "SELECT 2")
    view = replace(primary(), locks=LockView(seen=NOW, forest=(root, waits)))
    page = locks_page(overview(view))
    assert html.unescape(page).count("SELECT 'cure';") == 1
    assert page.count('href="/findings/lock_blocker_root"') == 1


def test_an_ill_root_on_the_page_of_locks_leads_to_its_own_evidence() -> None:
    """The anchor is on the page of the finding."""
    shown = primary()
    [subject] = shown.verdicts["lock_blocker_root"].subjects
    root = Branch(
        0, 7, "app", "shop", "active", 1.0, None, "SELECT 1", cure=("…",), key=subject.evidence.key
    )
    picture = overview(replace(shown, locks=LockView(seen=NOW, forest=(root,))))
    link = re.search(r'"/findings/lock_blocker_root#(\w+)"', locks_page(picture))
    known = known_finding("lock_blocker_root", picture)
    assert link
    assert known
    assert f'id="{link[1]}"' in finding_page(known, picture)


def test_consequences_stand_under_their_cause() -> None:
    """What vacuum could not clean up is explained by what holds vacuum back."""
    page = page_of(overview())
    cause, consequence = page.index("Slot reporting_old has held"), page.index("18.4 GiB smaller")
    assert cause < page.index("Explains 2 others") < consequence < page.index("Runbook: Vacuum")
    assert page.count("18.4 GiB smaller") == 1


def test_a_grant_stands_where_it_is_missing() -> None:
    """An unknown finding is shown with the GRANT that it needs."""
    page = page_of(overview())
    assert "These findings could not be judged, so they are not healthy" in page
    assert "GRANT pg_read_all_stats TO pgvigil;" in page


def test_one_reason_is_said_once() -> None:
    """A server that does not answer is one line, not one for each finding."""
    assert page_of(overview()).count("no answer: refused") == 1


def test_mutes_are_listed_with_their_reason() -> None:
    """Muted subjects are listed with their reasons."""
    assert page_of(overview()).count("needed for the yearly report, ask Kim") == 2


def test_many_subjects_are_cut_and_counted() -> None:
    """Ten of a kind are enough for a first look."""
    many = ill(BLOAT, *(bloat(f"public.t{n}", 1, 0.5) for n in range(25)))
    page = page_of(overview(server(many)))
    assert "25 subjects" in page
    assert "and 15 more" in page
    assert page.count("could be 1 GiB smaller") == 10


def test_a_long_review_is_cut_and_counted() -> None:
    """The page is read anew every few seconds; thousands of points would be megabytes."""
    many = [unused("s", f"i{n}", 12) for n in range(1234)]
    view = replace(primary(), verdicts={DOUBLED.name: ill(DOUBLED, *many)})
    page = page_of(overview(view))
    assert "To review 1234" in page
    assert "and 1,034 more: pgvigil review lists all" in page
    assert page.count("has not been used") == 200


def test_the_age_of_every_answer_is_there() -> None:
    """With stretched paces, what is left out, and why a round failed."""
    page = page_of(overview())
    assert "user_indexes 1 min 15 s 1 min 58 s table 1.9 s 21,480 1,480 without own series" in page
    assert "settings 3 min 20 s 15 s normal 11 ms 368 timed out after 2 s" in page
    assert "sequences never 5 min slow not queried yet" in page


def test_a_server_at_its_start_has_a_page() -> None:
    """Nothing known at all is a page too."""
    fresh = ServerView(
        "new", ServerIdentity("new"), collectors=(CollectorView("activity", "fast", 1.0),)
    )
    page = page_of(overview(fresh))
    assert "server not queried yet" in page
    assert "unreachable" not in page


def test_troubles_of_our_own_are_said() -> None:
    """A state file that can't be written, a configuration that can't be read."""
    page = page_of(replace(overview(), state_error="no space left on device", reload_ok=False))
    assert "The state file is not written: no space left on device." in page
    assert "The changed configuration is invalid" in page


def test_what_is_learned_in_part_is_counted_apart() -> None:
    """The list may be longer than the number of findings that are learning as a whole."""
    young = Unjudged("not watched long enough", until=NOW + 60)
    learning = Verdict(BLOAT, State.learning, NOW, unjudged=(young,))
    in_part = replace(healthy(UNUSED)[0], unjudged=(young,))
    both = page_of(overview(server(learning, in_part)))
    assert "Learning 1 and 1 other finding in part" in both
    assert "Learning 0 1 finding in part" in page_of(overview(server(in_part)))
    assert "in part" not in page_of(overview(server(learning)))
