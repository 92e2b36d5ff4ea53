"""Show the runbook of a finding: what it means, how to make sure, how to fix it."""

import argparse
import sys
from difflib import get_close_matches

from alerts._catalogue import all_findings
from monitor.commands._base import BadUsage


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("finding", nargs="?", help="its name; without one all are listed")


def run(known: argparse.Namespace) -> int:
    findings = all_findings()
    if known.finding is None:
        width = max(map(len, findings))
        lines = (f"{name:{width}}  {f.title}" for name, f in findings.items())
        sys.stdout.write("\n".join(lines) + "\n")
        return 0
    name = known.finding.replace("-", "_").lower()
    if name not in findings:
        near = get_close_matches(name, findings, 1)
        hint = f" Did you mean {near[0]}?" if near else " `pgvigil explain` lists them."
        raise BadUsage(f"there is no finding called {known.finding}.{hint}")
    show(f"# {findings[name].title} (`{name}`)\n\n{findings[name].runbook}")
    return 0


def show(markdown: str) -> None:
    """Readable on a terminal, the Markdown itself elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.write(markdown)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(width=min(100, Console().width)).print(Markdown(markdown))
