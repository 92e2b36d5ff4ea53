"""Changelog pieces: each lands under its heading of what is not released, and none is lost."""

from pathlib import Path

import pytest

from monitor.generate.changelog import Malformed, Piece, gather, pieces, with_piece

ROOT = Path(__file__).parents[3]
HEAD = "# Changelog\n\nAbout it.\n\n## [Unreleased]\n"
OLD = "\n## [0.1.0] - 2026-01-01\n\n### Fixed\n\n- An old one.\n"


def test_it_lands_under_its_heading() -> None:
    """Behind what is there; of released versions nothing changes."""
    before = HEAD + "\n### Fixed\n\n- One.\n" + OLD
    assert with_piece(before, Piece("Fixed", "Two.")) == HEAD + (
        "\n### Fixed\n\n- One.\n- Two.\n" + OLD
    )


def test_headings_are_made_in_their_order() -> None:
    before = HEAD + "\n### Fixed\n\n- One.\n" + OLD
    assert with_piece(before, Piece("Added", "Two.")) == HEAD + (
        "\n### Added\n\n- Two.\n\n### Fixed\n\n- One.\n" + OLD
    )


def test_an_empty_section_is_filled() -> None:
    """With and without releases below it."""
    for rest in ("", OLD):
        after = with_piece(HEAD + rest, Piece("Security", "One."))
        assert after == HEAD + "\n### Security\n\n- One.\n" + rest


def test_long_sentences_are_wrapped() -> None:
    lines = with_piece(HEAD, Piece("Added", "word " * 60)).splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[-1].startswith("  word")


def test_pieces_are_gathered_and_gone(tmp_path: Path) -> None:
    """In the order of their names; what tells about the folder stays."""
    (tmp_path / "changes").mkdir()
    (tmp_path / "CHANGELOG.md").write_text(HEAD, encoding="utf-8")
    for name, text in {
        "b.md": "Added: Two.\n",
        "a.md": "Added: One: with a colon.",
        "README.md": "About.",
    }.items():
        (tmp_path / "changes" / name).write_text(text, encoding="utf-8")
    assert [path.name for path in gather(tmp_path)] == ["a.md", "b.md"]
    assert (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8") == HEAD + (
        "\n### Added\n\n- One: with a colon.\n- Two.\n"
    )
    assert [path.name for path in (tmp_path / "changes").iterdir()] == ["README.md"]


@pytest.mark.parametrize("text", ["", "Two.", "New: Two.", "Added:", "Added: One.\nFixed: Two."])
def test_others_are_refused(tmp_path: Path, text: str) -> None:
    """And then nothing has changed."""
    (tmp_path / "changes").mkdir()
    (tmp_path / "CHANGELOG.md").write_text(HEAD, encoding="utf-8")
    (tmp_path / "changes" / "a.md").write_text("Added: One.", encoding="utf-8")
    (tmp_path / "changes" / "b.md").write_text(text, encoding="utf-8")
    with pytest.raises(Malformed, match=r"^b\.md is not one line"):
        gather(tmp_path)
    assert (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8") == HEAD
    assert (tmp_path / "changes" / "a.md").exists()


def test_those_of_the_tree_can_be_gathered() -> None:
    """Nobody waits for a release to be told of a wrong one."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for piece in pieces(ROOT / "changes").values():
        grown = with_piece(text, piece)
        assert len(grown) > len(text)
        text = grown
