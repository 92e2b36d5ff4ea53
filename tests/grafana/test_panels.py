"""What panels show can be read: rates mean something, names are names, and shares shares."""

import json
import re
from typing import Any

import pytest

from alerts._catalogue import all_findings
from alerts.units import parse_duration
from collectors._base import Lane
from collectors._catalogue import all_collectors
from grafana import verdict_panels
from grafana.board import board
from grafana.boards._catalogue import HOME
from grafana.queries import UPDATED
from grafana.titles import TITLES
from grafana.wait_event_panels import SMOOTH
from monitor.config.settings import Paces

HOME_BOARD = json.loads(board(HOME))
PANELS: list[tuple[str, Any]] = [
    (f"{name}-{panel['title']}", panel)
    for name in TITLES
    for panel in json.loads(board(name))["panels"]
    if panel["type"] != "row"
]
TABLES = [pytest.param(panel, id=name) for name, panel in PANELS if panel["type"] == "table"]
LANES = {
    metric.name: collector.lane
    for collector in all_collectors().values()
    for metric in collector.metrics
}
SMOOTHED = {"Time that was looked at": SMOOTH}
"""Panels whose rates reach over more rounds than those of their counters."""


@pytest.mark.parametrize("panel", [pytest.param(p, id=name) for name, p in PANELS])
def test_rates_reach_over_several_rounds(panel: Any) -> None:
    """A counter that moves each 30 s is not drawn as if it stood still in between."""
    for target in panel["targets"]:
        rated = set(re.findall(r"rate\((\w+)\{", target["expr"]))
        lanes = {LANES[name] for name in rated & LANES.keys()}
        slowest = max(lanes, key=list(Lane).index, default=Lane.fast)
        least = UPDATED.get(slowest) or SMOOTHED.get(panel["title"])
        assert target.get("interval") == least


def test_counters_move_as_often_as_settings_say() -> None:
    """What dashboards suppose is what the daemon does by default."""
    defaults = Paces()
    for lane, written in UPDATED.items():
        assert parse_duration(written) == getattr(defaults, lane)


@pytest.mark.parametrize("table", TABLES)
def test_tables_take_names_for_names(table: Any) -> None:
    """A cluster, a version or a database called 2024 is no number; an empty cell says nothing."""
    shown = {
        override["matcher"]["options"]: {p["id"]: p["value"] for p in override["properties"]}
        for override in table["fieldConfig"]["overrides"]
    }
    fields = next(t for t in table["transformations"] if t["id"] == "organize")["options"]
    for field, title in fields["renameByName"].items():
        assert (shown[title]["unit"] == "string") is not field.startswith("Value")
        assert shown[title]["noValue"] == ""
    assert table["fieldConfig"]["defaults"]["noValue"]


def test_shares_are_shown_as_shares() -> None:
    """A share is 82 % and not a count of 0.82, whichever word its finding has for the unit."""
    units = {name: finding.unit for name, finding in all_findings().items()}
    shares = {name for name, unit in units.items() if unit in ("ratio", "share")}
    assert len({units[name] for name in shares}) == 2
    assert set(verdict_panels.findings_in("share")) == shares


def test_templates_are_no_choice() -> None:
    """Nobody works in template0 and template1; a database that is called like them is one."""
    variables = HOME_BOARD["templating"]["list"]
    regex = next(one["regex"] for one in variables if one["name"] == "database").strip("/")
    offered = ("shop", "template0", "template1", "template10", "my_template1")
    assert [n for n in offered if re.match(regex, n)] == ["shop", "template10", "my_template1"]
