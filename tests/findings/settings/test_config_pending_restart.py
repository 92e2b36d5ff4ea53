"""config_pending_restart: a changed setting that takes a restart."""

from dataclasses import replace

from alerts._base import State
from alerts.findings.settings.config_pending_restart import finding
from collectors._base import Absence
from collectors.settings import settings
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.one_look import verdict_of


def test_only_what_waits_is_told() -> None:
    waits = setting("max_connections", "100", vartype="integer", pending_restart=True)
    snapshot = with_settings(waits, setting("fsync", "on"))
    [subject] = verdict_of(finding, snapshot).subjects
    assert "max_connections was changed, but still is 100" in subject.evidence.message
    assert verdict_of(finding, with_settings(setting("fsync", "on"))).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(with_settings(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
