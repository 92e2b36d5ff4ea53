"""`python -m tests` adds up what its processes found, and none of them is lost."""

from pathlib import Path

import pytest

from tests.__main__ import NOTHING_TO_DO, Part, conclude, parts_of, side_by_side

OURS = ("-p", "tests.conftest", "-c", "pyproject.toml")
MIXED = """
import os

import pytest

def test_passes(): pass
def test_fails(): assert 0
def test_is_skipped(): pytest.skip("not here")
def test_needy(tool): tool("no-such-program")
@pytest.mark.alone
def test_dies(): os.kill(os.getpid(), 9)
"""


def part(folder: Path, tier: str, status: int | None = None) -> Part:
    return Part(tier, (f"--tier={tier}",), folder, status=status)


@pytest.mark.tool
def test_one_summary_of_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each test is counted once, what failed is named, and a process that died is an error."""
    test = tmp_path / "test_it.py"
    test.write_text(MIXED)
    parts = [part(tmp_path, tier) for tier in ("quick", "tool", "server", "alone")]
    side_by_side(parts, [*OURS, str(test)])
    assert conclude(parts, 61) == 1
    *others, last = capsys.readouterr().out.splitlines()
    assert last.strip("= ") == "1 failed, 1 passed, 2 skipped, 1 error in 61.00s (1:01)"
    [named] = [line for line in others if line.startswith("FAILED quick: ")]
    assert named.endswith("::test_fails")
    assert "FAILED alone: exit status -9" in others
    assert "no-such-program (apt-get install no-such-program): 1 test" in others


def test_nothing_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A part without a test of its own is well; a run without any test is not."""
    idle = part(tmp_path, "tool", status=NOTHING_TO_DO)
    busy = part(tmp_path, "quick", status=0)
    busy.tally = {"counts": {"passed": 3}}
    assert conclude([idle, busy], 1) == 0
    assert "= 3 passed in" in capsys.readouterr().out
    assert conclude([idle], 1) == NOTHING_TO_DO


def test_every_tier_has_a_part(tmp_path: Path) -> None:
    """Each version of PostgreSQL has a process or two, as the other tiers have; `alone` comes
    after all."""
    first, last = parts_of(tmp_path, (14, 15, 18))
    names = ["pg14-1", "pg14-2", "pg15", "pg18-1", "pg18-2", "tool"]
    names += ["quick-1", "quick-2", "quick-3"]
    assert [part.name for part in first] == names
    assert [part.name for part in last] == ["alone"]


def test_parts_can_be_chosen(tmp_path: Path) -> None:
    """By version and tier; what is left out runs nowhere."""
    first, last = parts_of(tmp_path, (18,), ("server",))
    assert [(part.name, part.selection) for part in first] == [
        ("pg18-1", ("--tier=server", "--pg=18", "--share=1/2")),
        ("pg18-2", ("--tier=server", "--pg=18", "--share=2/2")),
    ]
    assert last == []
