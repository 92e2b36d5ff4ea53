"""Rules on the kubelet's metrics, for volumes that pgvigil does not see."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.fixtures.requirements import Tool

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "volumes.yml"
CLAIM = '{namespace="a", persistentvolumeclaim="pgdata-0"}'
CONTAINER = 'namespace="a", pod="b", container="postgres"'
REASON = "kube_pod_container_status_last_terminated_reason"
SERIES = {
    f"kubelet_volume_stats_available_bytes{CLAIM}": "30-0.25x120",
    f"kubelet_volume_stats_capacity_bytes{CLAIM}": "100x120",
    f"kubelet_volume_stats_inodes_free{CLAIM}": "500x120",
    f"kubelet_volume_stats_inodes{CLAIM}": "1000x120",
    f"kube_pod_container_status_restarts_total{{{CONTAINER}}}": "0x20 1x100",
    f'{REASON}{{{CONTAINER}, reason="OOMKilled"}}': "0x20 1x100",
}
FIRING: dict[int, list[str]] = {
    5: [],
    25: ["PostgresContainerKilledForMemory", "PostgresVolumeFullWithinHours"],
    60: ["PostgresVolumeFullWithinHours"],
    90: ["PostgresVolumeFullWithinHours", "PostgresVolumeNearlyFull"],
}
"""By minute."""


def test_they_fire_and_are_silent(tool: Tool, tmp_path: Path) -> None:
    """A volume that fills up in two hours, and a container that ran out of memory."""
    tests: list[dict[str, Any]] = [
        {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": f"{minute}m",
            "exp_samples": [
                {"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(names)
            ],
        }
        for minute, names in FIRING.items()
    ]
    story = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in SERIES.items()],
                "promql_expr_test": tests,
            }
        ],
    }
    file = tmp_path / "story.yml"
    file.write_text(json.dumps(story))
    for what, path in (("check", RULES), ("test", file)):
        done = subprocess.run(
            [tool("promtool"), what, "rules", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
