"""Each watchdog barks when it should, keeps quiet when it should, and has its page."""

from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import pytest

from alerts.prometheus.own_metrics import (
    BUILD_INFO,
    COLLECTOR_PACE,
    COLLECTOR_SUCCESS_TIMESTAMP,
    CONFIG_RELOAD_OK,
    FINDING_VERDICT_TIMESTAMP,
    INCIDENT,
    INCIDENTS_KNOWN,
    REVIEW_SUBJECTS,
    SERVER_INFO,
    STATE_FILE_OK,
    UP,
    VERDICTS_OVERDUE,
    OwnMetric,
)
from alerts.prometheus.rule import alert_name
from alerts.prometheus.rulebook import RUNBOOK_BASE, all_watchdogs
from alerts.prometheus.runbooks import runbook
from tests.alerts.prometheus.promtool_scene import (
    FELL_ILL,
    ILL_FOR,
    RECOVERED,
    STEP,
    WELL_FOR,
    Alert,
    expect,
    ill_then_well,
    promtool_test,
    series,
)
from tests.fixtures.requirements import Tool

RULES = Path(__file__).parents[3] / "alerts" / "rules" / "pgvigil.yml"
HEADINGS = ("What it means", "How to make sure", "How to fix it", "When it is fine")
ILL_UP = ill_then_well("0", "1")
"""Reachable while it is ill."""
ILL, ALWAYS = ill_then_well("1", "0"), "1x600"
TARGET_UP = OwnMetric("up", "gauge", "Whether the last scrape worked.")

# Seconds since the beginning: it goes with the clock, stands still while ill, then goes on.
AT_FAULT = (
    f"0+30x{WELL_FOR - 1} {(WELL_FOR - 1) * 30}x{ILL_FOR} {(WELL_FOR + ILL_FOR + 1) * 30}+30x99"
)
OVERDUE_AT_FAULT = (
    f"60+30x{WELL_FOR - 1} {(WELL_FOR + 1) * 30}x{ILL_FOR} {(WELL_FOR + ILL_FOR + 3) * 30}+30x99"
)
"""The same a minute ahead: when the first verdict will be overdue."""
ON_TIME = "0+30x200"
PACE = "20x200"


@dataclass(frozen=True, slots=True)
class Scene:
    """Series that are ill for a while, what is said of them, and when they are well again."""

    ill: list[dict[str, str]]
    labels: dict[str, str]
    summary: str
    listed: str = ""
    holds_after: int = 0
    """Steps that it takes until the illness can be seen."""
    quiet: list[dict[str, str]] = field(default_factory=list)
    """Series that look alike and are none of its business."""


def collector(server: str, name: str, at: str, pace: str = PACE) -> list[dict[str, str]]:
    of = {"server": server, "collector": name}
    return [series(COLLECTOR_SUCCESS_TIMESTAMP, at, **of), series(COLLECTOR_PACE, pace, **of)]


def verdicts(server: str, until: str, up: str = ALWAYS) -> list[dict[str, str]]:
    return [series(VERDICTS_OVERDUE, until, server=server), series(UP, up, server=server)]


def gone(server: str) -> list[dict[str, str]]:
    """Everything that a daemon says ends at once, while its target stays."""
    said = f"1x{WELL_FOR - 1} stale _x{ILL_FOR} 1x600"
    return [
        series(TARGET_UP, ILL),
        series(BUILD_INFO, said, version="1", pythonversion="3"),
        series(UP, said, server=server),
    ]


def held(server: str, known: str, **incident: str) -> list[dict[str, str]]:
    """An incident of which the page is silent from a time on, and whether it is known then."""
    of = {"server": server, "finding": "a"}
    said = f"90x{WELL_FOR - 1} stale"
    return [
        series(INCIDENT, said, severity="warning", database="d", incident="0a", **of),
        series(INCIDENT, said, severity="critical", database="d", incident="0a", **of),
        series(INCIDENTS_KNOWN, known, **of),
    ]


def reviewed(chapter: str, severity: str, count: str) -> dict[str, str]:
    of = {"chapter": chapter, "severity": severity, **SHOP}
    return series(REVIEW_SUBJECTS, ill_then_well("0", count), **of)


def primary(server: str, timeline: str, cluster: str, up: str = ALWAYS) -> list[dict[str, str]]:
    """A server that says it is a primary, by a daemon of its own."""
    place = {"server": server, "instance": f"{server}:19187"}
    of = {"cluster": cluster, "role": "primary", "version": "18", "timeline": timeline}
    return [series(SERVER_INFO, ALWAYS, **place, **of), series(UP, up, **place)]


SHOP = {"server": "shop-1"}
SCENES = {
    "incidents_held": Scene(
        ill=held("shop-1", f"1x{WELL_FOR - 1} stale _x{ILL_FOR} 1x600"),
        labels={"server": "shop-1"},
        summary="shop-1 is not judged any more, but was ill: 1 alert held",
        listed="\nIll when it was last judged:\n- a",
        quiet=[
            *held("cured", ALWAYS),
            series(INCIDENTS_KNOWN, f"1x{WELL_FOR - 1} stale", server="well", finding="a"),
        ],
    ),
    "daemon_gone": Scene(
        ill=gone("shop-1"),
        labels={"instance": "10.0.0.7:19187"},
        summary="pgvigil is gone: 10.0.0.7:19187 does not answer",
        listed="\nIt watched:\n- shop-1",
        quiet=[series(TARGET_UP, ILL, job="node")],
    ),
    "collector_stale": Scene(
        ill=[*collector("shop-1", "locks", AT_FAULT), series(UP, ALWAYS, server="shop-1")],
        labels={"server": "shop-1"},
        summary="pgvigil collectors without fresh answers on shop-1: 1",
        listed="\nLast answers:\n- locks: 10m 30s ago",
        holds_after=1,
        quiet=[
            *collector("shop-1", "activity", ON_TIME),
            *collector("shop-1", "bloat", AT_FAULT, pace="3600x200"),
            *collector("down", "locks", AT_FAULT),
            series(UP, "0x600", server="down"),
        ],
    ),
    "finding_not_judged": Scene(
        ill=[
            *verdicts("shop-1", OVERDUE_AT_FAULT),
            series(FINDING_VERDICT_TIMESTAMP, ill_then_well("_", "270"), finding="a", **SHOP),
        ],
        labels={"server": "shop-1"},
        summary="Verdicts of pgvigil on shop-1 are overdue by 9m 30s",
        listed="\nOldest verdicts:\n- a: 10m 30s ago",
        holds_after=2,
        quiet=[
            *verdicts("well", "60+30x200"),
            *verdicts("down", OVERDUE_AT_FAULT, up="0x600"),
            series(UP, ALWAYS, server="nothing is expected"),
        ],
    ),
    "review": Scene(
        ill=[
            reviewed("schema", "info", "3"),
            reviewed("settings", "warning", "1"),
        ],
        labels=SHOP,
        summary="Points to review on shop-1: 4",
        listed="\nBy chapter:\n- schema, info: 3\n- settings, warning: 1",
        quiet=[
            series(REVIEW_SUBJECTS, "0x600", chapter="schema", severity="info", server="well"),
        ],
    ),
    "cluster_split": Scene(
        ill=[
            *primary("shop-1", "3", "shop/7", up=ILL_UP),
            *primary("shop-2", "4", "shop/7"),
        ],
        labels={"cluster": "shop/7"},
        summary="Cluster shop/7 has primaries on 2 timelines",
        listed="\nPrimaries:\n- shop-1, timeline 3\n- shop-2, timeline 4",
        quiet=[
            *primary("clone-1", "1", "8"),
            *primary("clone-2", "2", "8"),
            *primary("pair-1", "5", "pair/9"),
            *primary("pair-2", "5", "pair/9"),
        ],
    ),
    "state_file_failing": Scene(
        ill=[series(STATE_FILE_OK, ILL)],
        labels={"instance": "10.0.0.7:19187"},
        summary="pgvigil at 10.0.0.7:19187 can't write its state file",
    ),
    "config_reload_failed": Scene(
        ill=[series(CONFIG_RELOAD_OK, ILL)],
        labels={"instance": "10.0.0.7:19187"},
        summary="pgvigil at 10.0.0.7:19187 could not reload its configuration",
    ),
    "most_servers_unreachable": Scene(
        ill=[
            series(UP, ILL, server="a"),
            series(UP, ILL, server="b"),
            series(UP, ALWAYS, server="c"),
        ],
        labels={},
        summary="pgvigil reaches only 33.33% of its servers",
        listed="\nUnreachable:\n- a\n- b",
        holds_after=1,
        quiet=[
            series(UP, "0x600", server="a", job="pair"),
            series(UP, ALWAYS, server="b", job="pair"),
            series(UP, "0x600", server="alone", job="lone"),
        ],
    ),
}


def test_every_watchdog_has_a_scene() -> None:
    """None is shipped untested."""
    assert SCENES.keys() == all_watchdogs().keys()


@pytest.mark.parametrize("name", all_watchdogs())
def test_watchdog_fires_and_clears(name: str, tool: Tool, tmp_path: Path) -> None:
    """It waits as long as it says, then fires with all its words, and ends with the illness."""
    scene, watchdog = SCENES[name], all_watchdogs()[name]
    seen = FELL_ILL + scene.holds_after * STEP
    fires = seen + ceil(watchdog.hold / STEP) * STEP
    at = RECOVERED - STEP if scene.listed.endswith("ago") else fires
    why = watchdog.description.partition("\n{{")[0]
    page = Alert(
        {"job": "pgvigil", "severity": watchdog.severity, **scene.labels},
        {
            "summary": scene.summary,
            "description": why + scene.listed,
            "cure": watchdog.cure,
            "runbook_url": f"{RUNBOOK_BASE}/{name}",
        },
    )
    alert = alert_name(name)
    story = [
        expect(fires - STEP, alert),
        expect(at, alert, [page]),
        expect(RECOVERED, alert),
    ]
    done = promtool_test(
        tool("promtool"), tmp_path, RULES, [*scene.ill, *scene.quiet, *others()], story
    )
    assert done.returncode == 0, done.stdout + done.stderr


def unreached(job: str) -> list[dict[str, str]]:
    """Three servers, of which two are out of reach."""
    ups = {"a": ILL, "b": ILL, "c": ALWAYS}
    return [series(UP, up, server=server, job=job) for server, up in ups.items()]


def test_one_alert_stands_for_most_servers_from_the_first_that_is_told(
    tool: Tool, tmp_path: Path
) -> None:
    """At the instant at which that of the server fires, so that Alertmanager inhibits it."""
    of = {"server": "a", "finding": "server_unreachable", "database": "", "incident": "0a"}
    told = ill_then_well("_", "9")
    incident = [
        series(INCIDENT, told, severity="critical", job="told", **of),
        series(INCIDENTS_KNOWN, ALWAYS, server="a", finding="server_unreachable", job="told"),
        series(TARGET_UP, ALWAYS, job="told"),
    ]
    watchdog = all_watchdogs()["most_servers_unreachable"]
    page = Alert(
        {"job": "told", "severity": watchdog.severity},
        {
            "summary": "pgvigil reaches only 33.33% of its servers",
            "description": watchdog.description.partition("\n{{")[0] + "\nUnreachable:\n- a\n- b",
            "cure": watchdog.cure,
            "runbook_url": f"{RUNBOOK_BASE}/most_servers_unreachable",
        },
    )
    alert = alert_name("most_servers_unreachable")
    story = [expect(FELL_ILL - STEP, alert), expect(FELL_ILL, alert, [page])]
    given = [*unreached("told"), *unreached("untold"), *incident]
    done = promtool_test(tool("promtool"), tmp_path, RULES, given, story)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_that_was_there_before_does_not_begin_it(tool: Tool, tmp_path: Path) -> None:
    """A daemon that has just started has reached no server yet, whatever was down before."""
    of = {"server": "a", "finding": "server_unreachable", "database": "", "incident": "0a"}
    started = f"1x{WELL_FOR - 1} 0 1x600"
    given = [
        series(UP, "0x600", server="a"),
        *(series(UP, started, server=server) for server in "bc"),
        series(INCIDENT, "9x600", severity="critical", **of),
        series(INCIDENTS_KNOWN, ALWAYS, server="a", finding="server_unreachable"),
        series(TARGET_UP, ALWAYS),
    ]
    times = (FELL_ILL - STEP, FELL_ILL, FELL_ILL + STEP, FELL_ILL + 3 * STEP)
    story = [expect(at, alert_name("most_servers_unreachable")) for at in times]
    done = promtool_test(tool("promtool"), tmp_path, RULES, given, story)
    assert done.returncode == 0, done.stdout + done.stderr


def others() -> list[dict[str, str]]:
    """Another daemon that is well, so that not everything is gone."""
    return [
        series(BUILD_INFO, ALWAYS, version="1", pythonversion="3", job="other"),
        series(TARGET_UP, ALWAYS, job="other"),
    ]


def test_no_daemon_at_all(tool: Tool, tmp_path: Path) -> None:
    """Where no target is left to be down, one alert says that nobody watches."""
    watchdog = all_watchdogs()["daemon_gone"]
    said = series(BUILD_INFO, f"1x{WELL_FOR - 1} stale", version="1", pythonversion="3")
    page = Alert(
        {"severity": watchdog.severity},
        {
            "summary": "pgvigil is gone",
            "description": watchdog.description.partition("\n{{")[0],
            "cure": watchdog.cure,
            "runbook_url": f"{RUNBOOK_BASE}/daemon_gone",
        },
    )
    story = [expect(FELL_ILL + watchdog.hold, alert_name("daemon_gone"), [page])]
    done = promtool_test(tool("promtool"), tmp_path, RULES, [said], story)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", all_watchdogs())
def test_watchdog_has_its_page(name: str) -> None:
    """What its alert links to has the four headings of every runbook."""
    page = runbook(name)
    assert page is not None
    headings = [line[3:] for line in page.text.splitlines() if line.startswith("## ")]
    assert headings == list(HEADINGS)


def test_no_page_for_what_does_not_exist() -> None:
    """An unknown name has no page."""
    assert runbook("no_such_thing") is None
