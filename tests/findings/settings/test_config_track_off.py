"""config_track_off: what is not counted, by how much it costs."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.settings.config_track_off import COSTS, finding
from collectors._base import Absence
from collectors.settings import settings
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.one_look import verdict_of


def test_each_has_its_severity() -> None:
    rows = [setting(name, "off") for name in COSTS]
    verdict = verdict_of(finding, with_settings(*rows))
    assert {s.evidence.subject: s.evidence.severity for s in verdict.subjects} == {
        "track_counts": Severity.warning,
        "track_activities": Severity.warning,
        "track_io_timing": Severity.info,
    }


def test_on_is_healthy_and_hidden_is_unknown() -> None:
    on = [setting(name, "on") for name in COSTS]
    assert verdict_of(finding, with_settings(*on)).state is State.healthy
    hidden = [*on[1:], setting("track_counts", None)]
    assert verdict_of(finding, with_settings(*hidden)).state is State.unknown


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(with_settings(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
