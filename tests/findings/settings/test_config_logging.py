"""config_logging: a log that lacks what was counted."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.settings.config_logging import finding
from alerts.snapshot import Snapshot
from collectors._base import Absence
from collectors.databases import Database, databases
from collectors.settings import settings
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of


def counted(waits: str, files: str, **counts: Any) -> Snapshot:
    row = filled(Database, oid=1, datname="shop", **counts)
    rows = setting("log_lock_waits", waits), setting("log_temp_files", files, vartype="integer")
    return with_settings(*rows, also=[(databases, [row])])


@pytest.mark.parametrize(
    ("snapshot", "subjects"),
    [
        (counted("off", "-1", deadlocks=1, temp_files=999), ["log_lock_waits"]),
        (counted("off", "-1", deadlocks=0, temp_files=1000), ["log_temp_files"]),
        (counted("on", "0", deadlocks=9, temp_files=9999), []),
        (counted("off", "-1", deadlocks=None, temp_files=None), []),
    ],
)
def test_only_what_would_have_been_logged(snapshot: Snapshot, subjects: list[str]) -> None:
    found = verdict_of(finding, snapshot).subjects
    assert [subject.evidence.subject for subject in found] == subjects


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(counted("on", "0"), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
