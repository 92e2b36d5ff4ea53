"""Advice to increase a setting never lowers it, and is silent where there is nothing to do."""

from typing import Any

import pytest

from alerts.findings.replication import recovery_conflicts
from alerts.findings.wal import backend_fsync_writes
from alerts.snapshot import Snapshot
from alerts.wal.larger import MIB, larger, longer
from collectors.settings import Setting, settings
from tests.fixtures.lock_rows import filled
from tests.fixtures.session_rows import seen


def having(*rows: tuple[str, str, str | None]) -> Snapshot:
    known = [
        filled(Setting, name=name, setting=value, unit=unit, vartype="integer")
        for name, value, unit in rows
    ]
    return seen((settings, known))


@pytest.mark.parametrize(
    ("now", "then"), [("512", 64), ("8191", 64), ("8192", 128), ("32768", 512)]
)
def test_a_size(now: str, then: int) -> None:
    [line] = larger(having(("wal_buffers", now, "8kB")), "wal_buffers", 64 * MIB)
    assert f"wal_buffers = '{then}MB'" in line


@pytest.mark.parametrize(
    ("now", "then"), [("30000", "5min"), ("300000", "10min"), ("3600000", "120min"), ("-1", None)]
)
def test_a_time(now: str, then: str | None) -> None:
    lines = longer(having(("delay", now, "ms")), "delay", 300.0)
    assert lines == () if then is None else f"delay = '{then}'" in lines[0]


def test_what_is_set_already_is_not_advised() -> None:
    """Feedback that is on keeps nothing while the standby is away; and -1 waits for ever."""
    on: dict[str, Any] = {"name": "hot_standby_feedback", "setting": "on", "vartype": "bool"}
    delay = filled(Setting, name="max_standby_streaming_delay", setting="-1", vartype="integer")
    snapshot = seen((settings, [filled(Setting, **on), delay]))
    for kind in (*recovery_conflicts.CAUSES, recovery_conflicts.LOST):
        assert "ALTER SYSTEM" not in "\n".join(recovery_conflicts.advice(snapshot, kind))
    busy = having(("bgwriter_lru_maxpages", "2000", None), ("bgwriter_delay", "10", "ms"))
    cure = backend_fsync_writes.by_writes(busy, 400_000, 0.9, 0).cure
    assert "ALTER SYSTEM" not in "\n".join(cure)
