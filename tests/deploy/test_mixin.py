"""The mixin compiles to the committed rules and dashboards, and to nothing else."""

import json
import subprocess
from pathlib import Path
from typing import Any

import _jsonnet
import pytest
import yaml

from alerts.prometheus.rulebook import RUNBOOK_BASE
from monitor.generate.files import SOURCES, is_dashboard, is_rules
from tests.fixtures.fast_yaml import read
from tests.fixtures.requirements import Tool

HOUSE = Path(__file__).parents[2]
MIXIN = HOUSE / "deploy" / "mixin" / "mixin.libsonnet"


def compiled(config: str = "{}") -> dict[str, Any]:
    """The parts of the mixin, with that configuration laid over its own."""
    program = f"""
        local mixin = (import '{MIXIN}') + {{ _config+:: {config} }};
        [mixin.prometheusAlerts, mixin.prometheusRules, mixin.grafanaDashboards]
    """
    parts = json.loads(_jsonnet.evaluate_snippet("test", program))
    return dict(zip(("alerts", "rules", "dashboards"), parts, strict=True))


def committed(alerting: bool) -> list[dict[str, Any]]:
    """All rules of the groups that have alerts, or of the others."""
    return [
        rule
        for path in SOURCES
        if is_rules(path)
        for group in read((HOUSE / path).read_text())["groups"]
        if any("alert" in rule for rule in group["rules"]) is alerting
        for rule in group["rules"]
    ]


def rules_of(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in part["groups"] for rule in group["rules"]]


def test_mixin_is_the_committed_files() -> None:
    """Without configuration every rule and every dashboard is there, word for word."""
    parts = compiled()
    assert rules_of(parts["alerts"]) == committed(True)
    assert rules_of(parts["rules"]) == committed(False)
    boards = {Path(p).name: json.loads((HOUSE / p).read_text()) for p in SOURCES if is_dashboard(p)}
    assert parts["dashboards"] == boards


def test_configuration_is_followed() -> None:
    """Runbooks elsewhere, further labels, alerts left out: as asked, and the rest unchanged."""
    parts = compiled(
        "{ runbookBase: 'https://x.example/', alertLabels: { team: 'db' },"
        " disabled: ['PgvigilTableBloat'] }"
    )
    rules = rules_of(parts["alerts"])
    assert len(rules) == len(committed(True)) - 1
    assert rules[0] == committed(True)[0]
    of_alerts = [rule for rule in rules if "alert" in rule]
    assert "PgvigilTableBloat" not in {rule["alert"] for rule in of_alerts}
    for rule in of_alerts:
        assert rule["labels"]["team"] == "db"
        assert rule["annotations"]["runbook_url"].startswith("https://x.example/")
        assert RUNBOOK_BASE not in rule["annotations"]["runbook_url"]
    assert RUNBOOK_BASE not in json.dumps(parts["dashboards"])
    assert '"https://x.example"' in json.dumps(parts["dashboards"])


@pytest.mark.parametrize("part", ["alerts", "rules"])
def test_prometheus_reads_them(part: str, tool: Tool, tmp_path: Path) -> None:
    """What is compiled is a rule file that promtool accepts."""
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(compiled()[part]))
    done = subprocess.run(
        [tool("promtool"), "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
