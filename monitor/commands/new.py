"""Write a skeleton of a new collector or finding, with its test, to be filled in."""

import argparse
import sys
from pathlib import Path

from collectors._base import Scope
from monitor.commands._base import BadUsage

FOR_DEVELOPERS = True
"""Not listed by `pgvigil --help`: it is of use in a checkout only."""


def arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    finding = kinds.add_parser("finding", help="its judgement, runbook and test")
    finding.add_argument("name", help="its id: lower-case words joined by underscores")
    finding.add_argument("chapter", help="one of CHAPTERS in alerts/findings/__init__.py")
    finding.add_argument(
        "reads",
        nargs="?",
        help="a collector of relations that it reviews (default: it is an incident of sessions)",
    )
    collector = kinds.add_parser("collector", help="its query and test")
    collector.add_argument("name", help="its id: lower-case words joined by underscores")
    collector.add_argument(
        "scope",
        nargs="?",
        default=Scope.server,
        type=Scope,
        choices=tuple(Scope),
        help="asked once for the server, or in every database for its relations (default: server)",
    )


def run(known: argparse.Namespace) -> int:
    from monitor.generate.skeleton import MARK, NameRefused, write_collector, write_finding

    root = Path(__file__).parents[2]
    if not (root / "pyproject.toml").exists():
        raise BadUsage("skeletons are written in a checkout of the sources only.")
    try:
        if known.kind == "finding":
            written = write_finding(root, known.name, known.chapter, known.reads)
        else:
            written = write_collector(root, known.name, known.scope)
    except NameRefused as wrong:
        raise BadUsage(str(wrong)) from None
    for path in written:
        sys.stdout.write(f"written: {path.relative_to(root)}\n")
    sys.stdout.write(f"Write where it says {MARK}, then: make render\n")
    return 0
