"""The recording rules: what they ask for exists, and they answer rightly for a made-up fleet."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from alerts.prometheus.metric_lookup import metric_of
from alerts.prometheus.own_metrics import OWN_METRICS
from alerts.prometheus.recording import MEMBERS, Recording
from alerts.prometheus.recordings import recordings
from tests.alerts.prometheus.promql_selectors import selectors
from tests.fixtures.requirements import Tool

RULES = Path(__file__).parents[3] / "alerts" / "rules" / "pgvigil-recording.yml"
OURS = {metric.name for metric in OWN_METRICS}
FLEET, LONE = ({"job": "pgvigil", "instance": name} for name in ("fleet", "lone"))
A = {"system_identifier": "7001", "cluster": "a"}
IN_A = {"job": "pgvigil", **A}
INDEX = {"datname": "d", "schemaname": "s", "relname": "t", "indexrelname": "i"}
BLOAT = {"finding": "table_bloat"}
each_rule = pytest.mark.parametrize("rule", list(recordings()), ids=lambda rule: rule.record)


@each_rule
def test_rule_asks_only_for_what_is_served(rule: Recording) -> None:
    """Nothing is recorded of a metric that does not exist; or of what is not recorded before."""
    asked = {selector.name for selector in selectors(promql_parser.parse(rule.expr))}
    assert asked
    for name in asked - OURS - {MEMBERS}:
        assert name is not None
        assert metric_of(name).name == name


@each_rule
def test_rule_has_a_usual_name(rule: Recording) -> None:
    """Level, metric and operation; and each is said in words."""
    level, metric, operation = rule.record.split(":")
    assert level in ("cluster", "server", "job")
    assert any(metric in (selector.name or "") for selector in selectors(parsed(rule)))
    assert operation
    assert rule.about


def parsed(rule: Recording) -> Any:
    return promql_parser.parse(rule.expr)


def test_membership_is_recorded_first() -> None:
    """Prometheus evaluates a group in its order."""
    assert next(recordings()).record == MEMBERS


def series(name: str, values: str, *labels: Mapping[str, str], **more: str) -> dict[str, str]:
    together = {k: v for part in (*labels, more) for k, v in part.items()}
    return {"series": name + written(together), "values": values}


def written(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{k}={json.dumps(v)}" for k, v in labels.items()) + "}"


def info(page: Mapping[str, str], server: str, role: str, **cluster: str) -> list[dict[str, str]]:
    what = {"server": server, "role": role, **cluster}
    return [
        series("pgvigil_server_info", "1x40", page, what, version="18"),
        series("pgvigil_up", "1x40", page, server=server),
    ]


FLEET_OF_THREE = [
    # One page with two clusters, and one page with a standby alone: its facts have no server.
    *info(FLEET, "a1", "primary", **A),
    *info(FLEET, "b1", "primary", system_identifier="7002", cluster="b"),
    *info(LONE, "a2", "standby", **A),
    series("pg_stat_user_indexes_idx_scan_total", "0+30x40", FLEET, INDEX, server="a1"),
    series("pg_stat_user_indexes_idx_scan_total", "0+60x40", LONE, INDEX),
    series("pg_stat_user_indexes_idx_scan_total", "0+960x40", FLEET, INDEX, server="b1"),
    series("pg_replication_is_replica", "0x40", FLEET, server="a1"),
    series("pg_replication_is_replica", "1x40", LONE),
    series("pg_replication_lag_seconds", "90x40", FLEET, server="a1"),
    series("pg_replication_lag_seconds", "7x40", LONE),
    series("pg_stat_user_indexes_idx_tup_read_total", "0+60x40", FLEET, INDEX, server="a1"),
    series("pg_stat_user_indexes_idx_tup_read_total", "0+30x40", LONE, INDEX),
    series("pg_stat_replication_pg_wal_lsn_diff", "64x40", FLEET, server="a1", pid="1"),
    series("pg_stat_replication_pg_wal_lsn_diff", "4096x40", FLEET, server="a1", pid="2"),
    series("pg_replication_slots_pg_wal_lsn_diff", "16x40", FLEET, server="b1", slot_name="s"),
    series("pg_replication_slots_pg_wal_lsn_diff", "8x40", LONE, slot_name="t"),
    series("pg_stat_database_numbackends", "30x40", LONE, datid="1", datname="x"),
    series("pg_stat_database_numbackends", "45x40", LONE, datid="2", datname="y"),
    series("pg_settings_max_connections", "103x40", LONE),
    series("pg_settings_superuser_reserved_connections", "3x40", LONE),
    series("pg_stat_database_numbackends", "45x40", FLEET, server="a1", datid="1", datname="x"),
    series("pg_settings_max_connections", "100x40", FLEET, server="a1"),
    series("pg_settings_superuser_reserved_connections", "3x40", FLEET, server="a1"),
    series("pg_settings_reserved_connections", "7x40", FLEET, server="a1"),
    series("pgvigil_finding_subjects", "2x40", FLEET, BLOAT, server="a1", severity="info"),
    series("pgvigil_finding_subjects", "3x40", LONE, BLOAT, server="a2", severity="info"),
    # Two daemons that watch one server say the same thing twice.
    series("pgvigil_finding_subjects", "3x40", FLEET, BLOAT, server="a2", severity="info"),
    series("pgvigil_finding_state", "1x40", FLEET, BLOAT, server="a1", state="ill"),
    series("pgvigil_finding_state", "1x40", LONE, BLOAT, server="a2", state="ill"),
]
IN_B = IN_A | {"system_identifier": "7002", "cluster": "b"}
EVERYWHERE = {"job": "pgvigil", **BLOAT}
ANSWERS: dict[str, dict[str, float]] = {
    "cluster:pg_stat_user_indexes_idx_scan:rate5m": {
        written({**IN_A, **INDEX}): 3,
        written({**IN_B, **INDEX}): 32,
    },
    "cluster:pg_stat_user_indexes_idx_tup_read:rate5m": {written({**IN_A, **INDEX}): 3},
    "cluster:pg_replication_lag_seconds:max": {written(IN_A): 7},
    "cluster:pg_stat_replication_pg_wal_lsn_diff:max": {written(IN_A): 4096},
    "cluster:pg_replication_slots_pg_wal_lsn_diff:max": {written(IN_A): 8, written(IN_B): 16},
    "server:pg_stat_database_numbackends:ratio": {
        written(LONE): 0.75,
        written({**FLEET, "server": "a1"}): 0.5,
    },
    "job:pgvigil_finding_subjects:sum": {written({**EVERYWHERE, "severity": "info"}): 5},
    "job:pgvigil_finding_state:sum": {written({**EVERYWHERE, "state": "ill"}): 2},
    "job:pgvigil_up:avg": {written({"job": "pgvigil"}): 1},
}


def test_answers_for_a_fleet(tool: Tool, tmp_path: Path) -> None:
    """Use over all nodes of a cluster, its worst standby, sessions against what there is, …"""
    assert ANSWERS.keys() | {MEMBERS} == {rule.record for rule in recordings()}
    done = asked(tool, tmp_path, ANSWERS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_answer_is_noticed(tool: Tool, tmp_path: Path) -> None:
    """The story fails where a standby's scans are left out."""
    wrong = {"cluster:pg_stat_user_indexes_idx_scan:rate5m": {written({**IN_A, **INDEX}): 1}}
    assert asked(tool, tmp_path, wrong).returncode != 0


def asked(
    tool: Tool, folder: Path, answers: Mapping[str, Mapping[str, float]]
) -> subprocess.CompletedProcess[str]:
    """What promtool says of these answers, ten minutes into the story."""
    expectations = [
        {
            "expr": name,
            "eval_time": "10m",
            "exp_samples": [{"labels": name + of, "value": value} for of, value in found.items()],
        }
        for name, found in answers.items()
    ]
    story = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "30s",
                "input_series": FLEET_OF_THREE,
                "promql_expr_test": expectations,
            }
        ],
    }
    file = folder / "story.yml"
    file.write_text(json.dumps(story))
    return subprocess.run(
        [tool("promtool"), "test", "rules", file], capture_output=True, text=True, check=False
    )


def test_rules_are_clean(tool: Tool) -> None:
    """The committed file is read by promtool without an objection, lint included."""
    done = subprocess.run(
        [tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", RULES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
