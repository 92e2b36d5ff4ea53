"""`pgvigil review`: in which order to work, and what a baseline lets through."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from alerts._base import Severity, State, Unjudged
from alerts.verdicts.verdict import Subject, Verdict
from monitor.cli import main
from monitor.reports.baseline import BadBaseline, compared, read, written
from monitor.reports.review import as_text
from monitor.reports.review_json import as_json
from monitor.reports.review_markdown import as_markdown
from monitor.views.overview import Overview
from monitor.views.points import Effort, Gain, effort, points
from monitor.views.unfinished import AGAIN
from monitor.views.unread import Unread
from tests.fixtures.findings import DOUBLED, HOSTILE, NOW, unused
from tests.fixtures.overview import healthy, ill, overview, primary

SMALL, LARGE, HOSTILE_ONE = (unused("s", name, mib) for name, mib in (
    ("a", 12), ("b", 2048), (HOSTILE, 300)
))  # fmt: skip


def seen(*verdicts: Verdict) -> Overview:
    return overview(replace(primary(), verdicts={v.finding.name: v for v in verdicts}))


DEFINED = seen(ill(DOUBLED, SMALL, LARGE, HOSTILE_ONE))


def read_back(text: str, folder: Path) -> Path:
    path = folder / "baseline.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_most_gain_comes_first() -> None:
    """A warning, then what is large, then the rest."""
    assert [point.gain for point in points(DEFINED)] == [Gain.high, Gain.medium, Gain.low]
    lines = as_text(DEFINED).splitlines()
    assert lines[0] == "3 points to review."
    assert lines[2] == "1. Index that doubles another on shop (index_doubled)"
    assert lines[4].startswith("   - s.b has not been used")
    assert "\x1b" not in "".join(lines)
    assert as_text(seen(*healthy(DOUBLED))) == "Nothing to review.\n"


def test_what_another_server_may_still_have_is_not_gone(tmp_path: Path) -> None:
    """A baseline of one server stands for any: all of them must have been judged."""
    accepted = read(read_back(written(DEFINED), tmp_path))
    [well] = healthy(DOUBLED)
    blind = replace(well, state=State.unknown, unjudged=(Unjudged("refused"),))
    elsewhere = replace(well, state=State.not_applicable)

    def gone(*verdicts: Verdict) -> int:
        views = [replace(primary(), name=f"s{n}") for n in range(len(verdicts))]
        known = [
            replace(view, verdicts={DOUBLED.name: verdict})
            for view, verdict in zip(views, verdicts, strict=True)
        ]
        return len(compared(overview(*known), accepted).gone)

    assert gone(well, well) == gone(well, elsewhere) == 3
    assert gone(well, blind) == gone(elsewhere) == 0


@pytest.mark.parametrize(
    ("cure", "told"),
    [
        ((), Effort.plan),
        (("-- Choose the columns.", "SELECT 1;"), Effort.plan),
        (("SET lock_timeout = '2s';", "DROP TABLE s.t;", "RESET lock_timeout;"), Effort.paste),
        (("SET lock_timeout = 0;", "CREATE INDEX CONCURRENTLY ON s.t (a);"), Effort.supervise),
    ],
)
def test_the_effort_is_that_of_the_cure(cure: tuple[str, ...], told: Effort) -> None:
    assert effort(cure) is told


def test_what_is_in_the_baseline_is_known(tmp_path: Path) -> None:
    """What is written is read back; nothing of it is new, and nothing is gone."""
    baseline = read(read_back(written(DEFINED), tmp_path))
    against = compared(DEFINED, baseline)
    assert (len(against.known), against.new, against.gone) == (3, (), ())
    assert as_text(DEFINED, against) == "Nothing new; 3 points of the baseline.\n"
    less = compared(seen(ill(DOUBLED, SMALL)), baseline)
    assert [one.subject for one in less.gone] == [
        subject.evidence.subject for subject in (HOSTILE_ONE, LARGE)
    ]


def test_only_what_is_new_or_worse_fails(tmp_path: Path) -> None:
    """A point that was accepted as information is told again once it is a warning."""
    baseline = read(read_back(written(seen(ill(DOUBLED, SMALL))), tmp_path))
    worse = replace(SMALL.evidence, severity=Severity.warning)
    for subjects, new in (
        ((SMALL,), []),
        ((SMALL, LARGE), [LARGE.evidence]),
        ((Subject(worse, NOW),), [worse]),
    ):
        found = compared(seen(ill(DOUBLED, *subjects)), baseline)
        assert [point.evidence for point in found.new] == new


def test_a_point_without_a_database_stands_for_any(tmp_path: Path) -> None:
    """CI may make a database of another name each time."""
    plain = json.loads(written(DEFINED))
    for one in plain["accepted"]:
        assert one.pop("database") == "shop"
    baseline = read(read_back(json.dumps(plain), tmp_path))
    elsewhere = replace(SMALL.evidence, database="ci_4711")
    found = compared(seen(ill(DOUBLED, Subject(elsewhere, NOW))), baseline)
    assert found.new == ()


def test_what_can_no_longer_be_judged_fails(tmp_path: Path) -> None:
    """A missing grant must not look like a clean schema."""
    blind = Verdict(DOUBLED, State.unknown, NOW, unjudged=(Unjudged("refused"),))
    baseline = read(read_back(written(DEFINED), tmp_path))
    found = compared(seen(blind), baseline)
    assert (found.blind, found.gone) == (("index_doubled",), ())
    assert "shop: index_doubled: refused" in as_text(seen(blind), found)
    baseline = read(read_back(written(seen(blind)), tmp_path))
    assert compared(seen(blind), baseline).blind == ()
    learning = Verdict(DOUBLED, State.learning, NOW, unjudged=(Unjudged("new", until=NOW + 9),))
    assert compared(seen(learning), baseline).blind == ()


def test_what_is_judged_elsewhere_names_its_database() -> None:
    """A grant that lacks in one database does not look like one that lacks in all."""
    places = [Unjudged("refused", name) for name in ("d", "b", "c", "a", "a", HOSTILE)]
    everywhere = Unjudged("busy")
    blind = Verdict(DOUBLED, State.unknown, NOW, unjudged=(*places[:1], everywhere))
    text = as_text(seen(blind))
    assert "shop: index_doubled: refused, in d\n" in text
    assert "shop: index_doubled: busy\n" in text
    text = as_text(seen(replace(blind, unjudged=tuple(places))))
    assert "\x1b" not in text
    assert "refused, in " in text
    assert " and 2 more (6 objects)" in text
    mixed = replace(blind, unjudged=(*places, Unjudged("refused")))
    assert "refused (7 objects)" in as_text(seen(mixed))


def test_a_review_that_is_not_finished_does_not_look_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so first, and how many findings are not judged; no baseline takes that in silence."""
    slow = Unread("shop", "canceling statement", collectors=("indexes",), late=True)
    for reason in ("indexes: not queried yet", "not visited yet", "indexes: canceling statement"):
        late = Verdict(DOUBLED, State.unknown, NOW, unjudged=(Unjudged(reason),))
        view = replace(primary(), verdicts={DOUBLED.name: late}, unread=(slow,))
        lines = as_text(overview(view)).splitlines()
        assert lines[:2] == [
            f"shop: {AGAIN}.",
            "Nothing to review; 1 finding not judged, see below.",
        ]
        assert AGAIN in as_markdown(overview(view))
        assert json.loads(as_json(overview(view)))["unfinished"] == ["shop"]
    monkeypatch.setattr("monitor.commands.review.looked", lambda _: overview(view))
    path = tmp_path / "baseline.json"
    assert main(["review", "--dsn", "host=a", "--write-baseline", str(path)]) == 1
    assert "accepts what was not judged" in capsys.readouterr().err
    assert main(["review", "--dsn", "host=a", "--baseline", str(path)]) == 0
    path.write_text(written(DEFINED))
    assert main(["review", "--dsn", "host=a", "--baseline", str(path)]) == 1
    standing = replace(view, unread=(replace(slow, late=False),))
    assert as_text(overview(standing)).startswith("Nothing to review; 1 finding not judged")
    assert json.loads(as_json(overview(standing)))["unfinished"] == []


def test_what_may_be_young_is_named_and_fails_nothing(tmp_path: Path) -> None:
    """A migration has a day for its second step; what was accepted of it is not gone."""
    why = "one look can't tell whether it is older than 24 h"
    about = Unjudged(why, "shop", until=NOW + 86400, seen=LARGE.evidence)
    young = seen(Verdict(DOUBLED, State.learning, NOW, unjudged=(about,)))
    found = compared(young, read(read_back(written(DEFINED), tmp_path)))
    assert (found.new, found.gone, found.blind) == ((), (), ())
    text = as_text(young)
    assert text.startswith("Nothing to review.\n\nPerhaps a step of work that goes on")
    assert f"shop: index_doubled: {LARGE.evidence.subject}: {why}" in text
    assert "## May be young" in as_markdown(young)
    [told] = json.loads(as_json(young))["may_be_young"]
    assert (told["finding"], told["subject"]) == ("index_doubled", LARGE.evidence.subject)


def test_a_server_that_does_not_answer_has_nothing_to_say(tmp_path: Path) -> None:
    """Neither "nothing to review" nor "nothing new" may be read as healthy."""
    baseline = read(read_back(written(DEFINED), tmp_path))
    gone = replace(primary(), name="gone", up=False, unreachable="refused", verdicts={})
    alone, both = overview(gone), overview(gone, *DEFINED.servers)
    for against in (None, compared(alone, baseline)):
        lines = as_text(alone, against).splitlines()
        assert lines[:2] == ["gone does not answer: refused", "Nothing is known."]
    assert "3 points to review where a server answers." in as_text(both)
    assert "Nothing new where a server answers; 3 points" in as_text(both, compared(both, baseline))


def test_json_has_all(tmp_path: Path) -> None:
    """With a baseline each point says whether it is new."""
    plain = json.loads(as_json(DEFINED))
    assert [one["gain"] for one in plain["points"]] == ["high", "medium", "low"]
    assert "new" not in plain["points"][0]
    baseline = read(read_back(written(seen(ill(DOUBLED, SMALL))), tmp_path))
    told = json.loads(as_json(DEFINED, compared(DEFINED, baseline)))
    assert [one["new"] for one in told["points"]] == [True, True, False]


def test_markdown_has_boxes() -> None:
    """Hostile names have no meaning in it."""
    text = as_markdown(DEFINED)
    assert text.startswith("# pgvigil review: 3 points to review.\n")
    assert text.count("- [ ] ") == 3
    assert not any("<script>" in line for line in text.splitlines() if line.startswith("- [ ]"))
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 2}',
        '{"version": 1}',
        '{"version": 1, "accepted": [{"finding": "a", "subject": 1, "severity": "info"}]}',
        '{"version": 1, "accepted": [{"finding": "a", "subject": "b", "severity": "bad"}]}',
        '{"version": 1, "accepted": [], "not_judged": [1]}',
        "[" * 100_000,
    ],
)
def test_a_broken_baseline_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadBaseline, match=r"^the baseline .*\.$"):
        read(read_back(text, tmp_path))


def test_a_missing_baseline_is_bad_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no server is asked."""
    assert main(["review", "--dsn", "host=a", "--baseline", str(tmp_path / "absent")]) == 2
    assert "can't be read: No such file or directory." in capsys.readouterr().err
