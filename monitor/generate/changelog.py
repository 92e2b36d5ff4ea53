"""Changelog pieces: one file a change in `changes/`, gathered into CHANGELOG.md at a release."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HEADINGS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
UNRELEASED = "## [Unreleased]\n"
ABOUT = "README.md"
WIDTH = 120


class Malformed(ValueError):
    """A piece that can't be placed; the message is one clear sentence."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One change that users can notice."""

    heading: str
    sentence: str


def pieces(folder: Path) -> Mapping[Path, Piece]:
    """Return the pieces in a folder by file, in the order of names. Raise Malformed."""
    files = sorted(path for path in folder.glob("*.md") if path.name != ABOUT)
    return {path: _piece(path) for path in files}


def gather(root: Path) -> list[Path]:
    """Move the pieces below `root` into its changelog; return their files, which are gone."""
    found = pieces(root / "changes")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    for piece in found.values():
        text = with_piece(text, piece)
    changelog.write_text(text, encoding="utf-8")
    for path in found:
        path.unlink()
    return list(found)


def with_piece(changelog: str, piece: Piece) -> str:
    """Return the changelog with one more line under a heading of what is not released."""
    before, unreleased, rest = changelog.partition(UNRELEASED)
    if not unreleased:
        raise Malformed(f"CHANGELOG.md has no line {UNRELEASED.strip()!r}")
    section, following = _until_next(rest)
    entries = dict(_entries(section))
    entries[piece.heading] = f"{entries.get(piece.heading, '')}{_wrapped(piece.sentence)}\n"
    ordered = [f"\n### {name}\n\n{entries[name]}" for name in HEADINGS if name in entries]
    return before + unreleased + "".join(ordered) + (f"\n{following}" if following else "")


def _piece(path: Path) -> Piece:
    [line, *more] = path.read_text(encoding="utf-8").strip().splitlines() or [""]
    heading, colon, sentence = line.partition(": ")
    if more or not colon or heading not in HEADINGS or not sentence.strip():
        raise Malformed(f"{path.name} is not one line that begins with {', '.join(HEADINGS)}: …")
    return Piece(heading, sentence.strip())


def _until_next(text: str) -> tuple[str, str]:
    """Split before the next release, or before links at the end."""
    end = re.search(r"^(?:## |\[)", text, re.MULTILINE)
    return (text[: end.start()], text[end.start() :]) if end else (text, "")


def _entries(section: str) -> Iterator[tuple[str, str]]:
    _, *parts = re.split(r"^### ", section, flags=re.MULTILINE)
    for part in parts:
        heading, _, lines = part.partition("\n")
        if heading.strip() not in HEADINGS:
            raise Malformed(f"CHANGELOG.md has the unknown heading {heading.strip()!r}")
        yield heading.strip(), lines.strip("\n") + "\n"


def _wrapped(sentence: str) -> str:
    return textwrap.fill(
        sentence,
        WIDTH,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
