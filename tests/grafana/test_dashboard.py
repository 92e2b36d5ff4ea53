"""All dashboards keep to the rules that Grafana's users know, and ask for what exists."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import promql_parser
import pytest

from alerts._base import Severity
from alerts._catalogue import all_findings
from alerts.prometheus.metric_lookup import metric_of
from alerts.prometheus.own_metrics import OWN_METRICS, UP
from alerts.prometheus.rulebook import RUNBOOK_BASE
from collectors._catalogue import all_collectors
from grafana import verdict_panels
from grafana.board import TAG, board
from grafana.boards._catalogue import HOME
from grafana.queries import fact, own
from grafana.titles import TITLES
from tests.alerts.prometheus.promql_selectors import selectors

DASHBOARDS = {name: json.loads(board(name)) for name in TITLES}
PANELS: list[tuple[str, Any]] = [
    (f"{name}-{panel['title']}", panel)
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]
OURS = {metric.name: metric.labels for metric in OWN_METRICS}
FACTS = {
    metric.name: metric.labels
    for collector in all_collectors().values()
    for metric in collector.metrics
}
SCRAPED = {"job", "instance"}

each_panel = pytest.mark.parametrize("panel", [pytest.param(p, id=name) for name, p in PANELS])
each_dashboard = pytest.mark.parametrize("name", DASHBOARDS)


def variables(name: str) -> dict[str, Any]:
    return {one["name"]: one for one in DASHBOARDS[name]["templating"]["list"]}


def tables(name: str) -> list[Any]:
    return [panel for panel in DASHBOARDS[name]["panels"] if panel["type"] == "table"]


def queries() -> Iterator[Any]:
    for name, panel in PANELS:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{name}-{target['refId']}")
    for variable in variables(HOME).values():
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])
            assert asked
            yield pytest.param(asked[1], id=f"variable {variable['name']}")


each_query = pytest.mark.parametrize("query", list(queries()))


def parsed(query: str) -> Any:
    """With Grafana's variables filled in as Grafana does."""
    return promql_parser.parse(query.replace("$__rate_interval", "1m").replace("$", ""))


@each_query
def test_query_asks_for_what_is_served(query: str) -> None:
    """Every metric exists, and has every label that it is asked by."""
    asked = list(selectors(parsed(query)))
    assert asked
    for selector in asked:
        assert selector.name is not None, "a selector names its metric"
        family = next(
            (name for name in FACTS if name.endswith("*") and selector.name.startswith(name[:-1])),
            "",
        )
        labels = {**FACTS, **OURS}.get(selector.name, FACTS.get(family))
        assert labels is not None, f"nobody serves {selector.name}"
        named = {matcher.name for matcher in selector.matchers.matchers}
        assert named <= {*labels, *SCRAPED, "server"}


@each_panel
def test_panel_query_keeps_to_the_choice(panel: Any) -> None:
    """Every selector of every panel is narrowed to the chosen job and instance."""
    for target in panel["targets"]:
        for selector in selectors(parsed(target["expr"])):
            chosen = {m.name: m.value for m in selector.matchers.matchers}
            assert {label: chosen.get(label) for label in SCRAPED} == {
                label: label for label in SCRAPED
            }


@each_panel
def test_panel_says_what_it_shows(panel: Any) -> None:
    """Title, description and unit are there, and the data source is the chosen one."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


@each_panel
def test_rates_use_the_interval_that_fits(panel: Any) -> None:
    """Grafana knows scrape interval and zoom; no rate has a window of its own."""
    for target in panel["targets"]:
        windows = re.findall(r"\[(.*?)\]", target["expr"])
        assert set(windows) <= {"$__rate_interval"}


@each_panel
def test_gauges_have_no_rate_and_counters_have(panel: Any) -> None:
    """A counter is never drawn raw, and nothing else is taken a rate of."""
    for target in panel["targets"]:
        for name in (selector.name for selector in selectors(parsed(target["expr"]))):
            rated = f"rate({name}{{" in target["expr"]
            types = {metric.name: metric.type for metric in OWN_METRICS}
            assert name is not None
            kind = types.get(name) or metric_of(name).type
            assert rated is (kind == "counter")


@each_dashboard
def test_variables(name: str) -> None:
    """Data source, job, server, instance and database can be chosen; choices follow the time."""
    offered = variables(name)
    of_poolers = name == "pgvigil-pooler"
    chosen = ["pooler", "instance"] if of_poolers else ["server", "instance", "database"]
    assert list(offered) == ["datasource", "job", *chosen, "runbooks"]
    asked = [variable for variable in offered.values() if variable["type"] == "query"]
    assert {variable["refresh"] for variable in asked} == {2}
    assert {variable["includeAll"] for variable in asked} == {True}
    everything = {one["name"] for one in asked if one.get("allValue") == ".*"}
    assert everything == (set() if of_poolers else {"server", "instance"})


@each_dashboard
def test_dashboard_is_the_same_everywhere(name: str) -> None:
    """It is read-only, keeps its address, and has no volatile content."""
    dashboard = DASHBOARDS[name]
    assert dashboard["editable"] is False
    assert dashboard["uid"] == name
    assert TITLES[name] in dashboard["title"]
    assert not {"id", "version", "iteration"} & dashboard.keys()
    assert json.loads(board(name)) == dashboard


@each_dashboard
def test_dashboards_lead_to_each_other(name: str) -> None:
    """One link lists them all, by the tag that each of them has, and keeps what was chosen."""
    [siblings, status_page] = DASHBOARDS[name]["links"]
    assert set(siblings["tags"]) <= set(DASHBOARDS[name]["tags"])
    assert siblings["tags"] == [TAG]
    assert siblings["includeVars"]
    assert siblings["keepTime"]
    address = status_page["url"].replace("${runbooks:raw}", RUNBOOK_BASE)
    assert urljoin(RUNBOOK_BASE, urlsplit(address).path) == urljoin(RUNBOOK_BASE, "/")


def test_links_to_a_dashboard_lead_to_one() -> None:
    """The address in a table is that of a dashboard that exists."""
    linked = set(re.findall(r"/d/([\w-]+)", json.dumps(DASHBOARDS)))
    assert linked
    assert linked <= set(TITLES)


def test_every_dashboard_has_a_name_and_panels() -> None:
    """What is listed is what is committed; the first one is the start page."""
    folder = Path(__file__).parents[2] / "grafana" / "dashboards"
    assert {path.stem for path in folder.iterdir()} == set(TITLES)
    assert next(iter(TITLES)) == HOME
    assert len({dashboard["title"] for dashboard in DASHBOARDS.values()}) == len(TITLES)


@each_dashboard
def test_panels_don_t_overlap(name: str) -> None:
    """Each place of the grid is taken once, no row is left ragged, and no id is given twice."""
    panels = DASHBOARDS[name]["panels"]
    taken = [
        (x, y)
        for position in (panel["gridPos"] for panel in panels)
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]
    assert len(taken) == len(set(taken))
    wide = [panel["gridPos"] for panel in panels if panel["gridPos"]["x"] == 0]
    assert {y for x, y in taken if x == 23} >= {position["y"] for position in wide}
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", [HOME, "pgvigil-server"])
def test_ill_subjects_are_all_there(name: str) -> None:
    """The first table lists every finding exactly once, whatever its unit."""
    first = tables(name)[0]
    assert first["title"] == "Ill subjects"
    assert sorted(listed(first)) == sorted(all_findings())


@each_dashboard
def test_ill_subjects_come_first(name: str) -> None:
    """Whatever a dashboard is about begins with what is ill of it."""
    if name != "pgvigil-statements":
        assert tables(name)[0]["title"] == "Ill subjects"
        assert set(listed(tables(name)[0])) <= set(all_findings())


def listed(table: Any) -> list[str]:
    return [
        name
        for target in table["targets"]
        for selector in selectors(parsed(target["expr"]))
        for matcher in selector.matchers.matchers
        if matcher.name == "finding"
        for name in matcher.value.split("|")
    ]


def test_severities_are_sorted_by_weight() -> None:
    """The worst has the lowest number, by which the table is sorted."""
    by_rank = sorted(Severity, key=verdict_panels.rank)
    assert by_rank == [Severity.critical, Severity.warning, Severity.info]


def test_unknown_metrics_stop_the_generation() -> None:
    """A renamed metric fails here, not on a dashboard."""
    with pytest.raises(LookupError, match="pg_no_such_metric"):
        fact("pg_no_such_metric")
    with pytest.raises(LookupError, match="color"):
        own(UP, color="red")


def test_nobody_needs_the_generator_to_run() -> None:
    """What builds dashboards is for development; the commands that print them do without."""
    modules = "monitor.commands.dashboards, monitor.commands.rules, monitor.daemon"
    unwanted = "grafana_foundation_sdk"
    code = f"import sys, {modules}; sys.exit({unwanted!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
