"""Print the runbook of a finding: what it means, how to verify it, how to fix it."""

import argparse
import sys

from alerts._catalogue import all_findings
from alerts.prometheus.rulebook import all_watchdogs
from alerts.prometheus.runbooks import runbook
from monitor.commands._base import BadUsage, checks_flag, enrol_checks
from monitor.config.nearest import unknown_name


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("finding", nargs="?", help="its name; without it, all are listed")
    checks_flag(parser)


def run(known: argparse.Namespace) -> int:
    enrol_checks(known)
    if known.finding is None:
        sys.stdout.write(listing())
        return 0
    name = known.finding.replace("-", "_").lower()
    found = runbook(name)
    if found is None:
        names, hint = [*all_findings(), *all_watchdogs()], "`pgvigil explain` lists them."
        raise BadUsage(unknown_name("finding", name, names, hint))
    show(f"# {found.title} (`{name}`)\n\n{found.text}")
    return 0


def listing() -> str:
    """Return a line for every finding with its title, then for every watchdog."""
    findings = {name: finding.title for name, finding in all_findings().items()}
    watchdogs = {name: watchdog.title for name, watchdog in all_watchdogs().items()}
    width = max(map(len, (*findings, *watchdogs)))

    def lines(titles: dict[str, str]) -> str:
        return "".join(f"{name:{width}}  {title}\n" for name, title in titles.items())

    return f"{lines(findings)}\nAlerts about pgvigil itself:\n\n{lines(watchdogs)}"


def show(markdown: str) -> None:
    """Print formatted text to a terminal, plain Markdown otherwise."""
    if not sys.stdout.isatty():
        sys.stdout.write(markdown)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(width=min(100, Console().width)).print(Markdown(markdown))
