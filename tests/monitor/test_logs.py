"""What is logged of a defect: enough to mend it, and nothing that stalls us or tells secrets."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from monitor import logs


@pytest.fixture(autouse=True)
def configured_anew() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before, level
    logging.getLogger("apscheduler").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def logged(format: str, capsys: pytest.CaptureFixture[str], message: str = "no such row") -> str:
    """What stands in the log after a defect in a frame that knows a secret."""
    logs.set_up("info", format)
    secret = "hunter2"
    try:
        raise ValueError(message + secret[:0])
    except ValueError as defect:
        structlog.get_logger("pgvigil").error("job failed", exc_info=defect)
    return capsys.readouterr().err


@pytest.mark.parametrize("format", ["console", "json"])
def test_a_defect_has_its_traceback_without_the_values_of_variables(
    format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where and what, as Python itself says it."""
    said = logged(format, capsys)
    assert "test_logs.py" in said
    assert "ValueError: no such row" in said
    assert said.count("hunter2") == said.count('secret = "hunter2"')
    assert "locals" not in said
    assert "\x1b" not in said, "colours are for terminals"


@pytest.mark.parametrize("format", ["console", "json"])
def test_a_long_defect_is_cut_at_its_beginning(
    format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception may carry a whole answer; its end is what says what went wrong."""
    said = logged(format, capsys, "x" * 1_000_000 + "the end")
    assert "the end" in said
    assert len(said) < 2 * logs.LONGEST


def test_machines_read_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback has many lines, and stays one entry."""
    [line] = logged("json", capsys).splitlines()
    assert json.loads(line)["event"] == "job failed"
