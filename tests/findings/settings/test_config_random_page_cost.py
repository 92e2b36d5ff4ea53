"""config_random_page_cost: judged by measured reads alone."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.settings.config_random_page_cost import finding
from alerts.snapshot import Snapshot
from collectors._base import Absence
from collectors.settings import settings
from collectors.stat_io import Io, stat_io
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of


def measured(cost: str = "4", timing: str = "on", **io: Any) -> Snapshot:
    about = {"backend_type": "client backend", "object": "relation", "context": "normal"}
    numbers = {"reads": 10_000, "read_seconds": 10.0}
    row = filled(Io, **about | numbers | io)
    rows = (
        setting("random_page_cost", cost, vartype="real"),
        setting("track_io_timing", timing),
    )
    return with_settings(*rows, also=[(stat_io, [row])])


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (measured(), State.ill),
        (measured(cost="1.1"), State.healthy),
        (measured(read_seconds=11.0), State.healthy),
        (measured(reads=9_999), State.healthy),
        (measured(context="bulkread"), State.unknown),
        (measured(timing="off"), State.unknown),
        (measured(read_seconds=0.0), State.unknown),
    ],
)
def test_limits(snapshot: Snapshot, state: State) -> None:
    """Ten thousand single reads of up to a millisecond; not timed is not fast."""
    assert verdict_of(finding, snapshot).state is state


def test_a_page_of_the_page_cache_takes_some_time() -> None:
    """Less than what a duration shows is not none."""
    for seconds, told in ((10.0, "took 1 ms each"), (0.2, "took less than 1 ms each")):
        [subject] = verdict_of(finding, measured(read_seconds=seconds)).subjects
        assert told in subject.evidence.message


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(measured(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
