"""config_checksums_off: told once for the server."""

from dataclasses import replace

from alerts._base import State
from alerts.findings.settings.config_checksums_off import finding
from collectors._base import Absence
from collectors.settings import settings
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.one_look import verdict_of


def test_off_is_told_with_steps() -> None:
    verdict = verdict_of(finding, with_settings(setting("data_checksums", "off")))
    [subject] = verdict.subjects
    assert any("pg_checksums --enable" in line for line in subject.evidence.cure)
    assert all(line.startswith("--") for line in subject.evidence.cure)
    on = with_settings(setting("data_checksums", "on"))
    assert verdict_of(finding, on).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(with_settings(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
