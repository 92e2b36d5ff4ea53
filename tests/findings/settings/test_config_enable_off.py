"""config_enable_off: what somebody switched off, and nothing that PostgreSQL itself has off."""

from dataclasses import replace

import pytest

from alerts._base import State
from alerts.findings.settings.config_enable_off import finding
from collectors._base import Absence
from collectors.settings import Setting, settings
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.one_look import verdict_of


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (setting("enable_seqscan", "off", sourcefile="/etc/pg.conf", sourceline=7), State.ill),
        (setting("enable_seqscan", "on"), State.healthy),
        (setting("enable_partitionwise_join", "off", boot_val="off"), State.healthy),
        (setting("fsync", "off"), State.healthy),
        (setting("enable_seqscan", None), State.unknown),
    ],
)
def test_what_is_off(row: Setting, state: State) -> None:
    assert verdict_of(finding, with_settings(row)).state is state


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(with_settings(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
