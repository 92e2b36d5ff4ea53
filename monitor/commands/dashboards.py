"""Print the Grafana dashboard, to be imported or provisioned."""

import argparse
import sys
from importlib.resources import files


def arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(known: argparse.Namespace) -> int:
    del known
    board = files("grafana") / "dashboards" / "pgvigil.json"
    sys.stdout.write(board.read_text(encoding="utf-8"))
    return 0
