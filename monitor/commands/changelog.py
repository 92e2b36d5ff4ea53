"""Move the pieces in `changes/` into CHANGELOG.md, as a release does."""

import argparse
import sys
from pathlib import Path

from monitor.commands._base import BadUsage

FOR_DEVELOPERS = True
"""Not listed by `pgvigil --help`: it is of use in a checkout only."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="change nothing; fail if one is wrong")


def run(known: argparse.Namespace) -> int:
    from monitor.generate.changelog import Malformed, gather, pieces

    root = Path(__file__).parents[2]
    if not (root / "pyproject.toml").exists():
        raise BadUsage("the changelog is written in a checkout of the sources only.")
    try:
        found = list(pieces(root / "changes")) if known.check else gather(root)
    except Malformed as wrong:
        raise BadUsage(str(wrong)) from None
    for path in found:
        sys.stdout.write(f"{'found' if known.check else 'moved'}: {path.relative_to(root)}\n")
    return 0
