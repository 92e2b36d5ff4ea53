"""Print a Grafana dashboard as JSON, for import or provisioning."""

import argparse
import sys

from grafana.boards._catalogue import HOME
from grafana.titles import TITLES, committed


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        default=HOME,
        choices=tuple(TITLES),
        metavar="NAME",
        help="which one (default %(default)s, the fleet); see --list",
    )
    parser.add_argument("--list", action="store_true", help="list the names of all dashboards")


def run(known: argparse.Namespace) -> int:
    if known.list:
        sys.stdout.writelines(f"{name:<22}{title}\n" for name, title in TITLES.items())
    else:
        sys.stdout.write(committed(known.name))
    return 0
