"""Write all generated files: rules, dashboards, tables of the documentation."""

import argparse
import sys
from pathlib import Path

from monitor.commands._base import BadUsage

FOR_DEVELOPERS = True
"""Not listed by `pgvigil --help`: it is only useful in a checkout."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only report stale files")


def run(known: argparse.Namespace) -> int:
    from monitor.generate.files import render_all, stale
    from monitor.generate.marked import MarkerMissing

    root = Path(__file__).parents[2]
    if not (root / "pyproject.toml").exists():
        raise BadUsage("generated files are written in a checkout of the sources only.")
    try:
        found = stale(root) if known.check else render_all(root)
    except MarkerMissing as missing:
        raise BadUsage(str(missing)) from None
    for path in found:
        sys.stdout.write(f"{'stale' if known.check else 'written'}: {path}\n")
    return 1 if known.check and found else 0
