"""What is generated is committed, and is what would be generated now."""

from pathlib import Path

import pytest

from monitor.generate.files import (
    GENERATED,
    GENERATED_FROM_HERE,
    render_all,
    stale,
    with_inhibitions,
)
from monitor.generate.marked import MarkerMissing

HOUSE = Path(__file__).parents[2]


@pytest.mark.parametrize("path", GENERATED)
def test_generated_file_is_fresh(path: str) -> None:
    """`make render` would not change it."""
    assert (HOUSE / path).read_text(encoding="utf-8") == GENERATED[path]()


def test_a_lost_marker_is_an_error() -> None:
    """What is written by hand stays, old rules go, and without a marker nothing is guessed."""
    renewed = with_inhibitions(f"route: mine\n{GENERATED_FROM_HERE}inhibit_rules: [old]\n")
    assert renewed.startswith(f"route: mine\n{GENERATED_FROM_HERE}inhibit_rules:\n- ")
    assert "old" not in renewed
    with pytest.raises(MarkerMissing, match="lost the line"):
        with_inhibitions(renewed.replace(GENERATED_FROM_HERE, ""))


@pytest.mark.tool
def test_render_writes_only_what_has_changed(tmp_path: Path) -> None:
    """Everything at first, then nothing, then the one file that was edited by hand."""
    assert [str(path.relative_to(tmp_path)) for path in render_all(tmp_path)] == list(GENERATED)
    assert render_all(tmp_path) == []
    edited = tmp_path / "docs" / "configuration.md"
    edited.write_text("mine")
    assert stale(tmp_path) == [edited]
    assert render_all(tmp_path) == [edited]
    assert stale(tmp_path) == []
