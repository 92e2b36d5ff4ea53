"""What promtool is told: series that fall ill and get well, and the alerts that must come of it."""

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from alerts.prometheus.promql import Named

STEP = timedelta(seconds=30)
WELL_FOR, ILL_FOR = 10, 20
"""Steps; before them nothing may fire, during them the alert, and some time after them nothing."""
FELL_ILL, RECOVERED = WELL_FOR * STEP, (WELL_FOR + ILL_FOR + 1) * STEP
SCRAPED = {"job": "pgvigil", "instance": "10.0.0.7:19187"}


def series(metric: Named, values: str, **labels: str) -> dict[str, str]:
    """As many values as told, in promtool's notation, of one time series."""
    lacking = {label for label in metric.labels if label in ("server", "finding")} - labels.keys()
    assert labels.keys() - SCRAPED.keys() <= {*metric.labels, "namespace", "pod"}
    assert not lacking, f"{metric.name} always has {lacking}"
    written = ",".join(
        f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in {**SCRAPED, **labels}.items()
    )
    return {"series": f"{metric.name}{{{written}}}", "values": values}


def ill_then_well(well: str, ill: str, steps: int = 600) -> str:
    """`_` is no sample; a series that is no longer exposed ends with a stale marker."""
    if well == "_":
        return f"_x{WELL_FOR} {ill}x{ILL_FOR} stale"
    # 0x2 are three samples, while _x2 is two times none.
    return f"{well}x{WELL_FOR - 1} {ill}x{ILL_FOR} {well}x{steps}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One that fires; None as annotations leaves them out of the comparison."""

    labels: dict[str, str]
    annotations: dict[str, str]


def expect(at: timedelta, name: str, alerts: Iterable[Alert] = ()) -> dict[str, Any]:
    """Exactly these alerts of that name fire at that time."""
    return {
        "eval_time": f"{int(at.total_seconds())}s",
        "alertname": name,
        "exp_alerts": [
            {"exp_labels": alert.labels, "exp_annotations": alert.annotations} for alert in alerts
        ],
    }


def promtool_test(
    promtool: Path,
    folder: Path,
    rules: Path,
    input_series: Sequence[dict[str, str]],
    expectations: Sequence[dict[str, Any]],
) -> subprocess.CompletedProcess[str]:
    """Run `promtool test rules` on one story."""
    story = {
        "rule_files": [str(rules)],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "30s",
                "input_series": list(input_series),
                "alert_rule_test": list(expectations),
            }
        ],
    }
    file = folder / "story.yml"
    file.write_text(json.dumps(story, ensure_ascii=False), encoding="utf-8")
    return subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, check=False
    )
