"""Measures today's sources, and the same with many more findings and collectors."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.breadth.copies import ROOT, grow
from bench.breadth.inside import Breadth
from bench.breadth.table import PAGE, table, write


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench breadth", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the scratch tree there")
    known = parser.parse_args(arguments)
    now = measured_in(ROOT)
    if known.keep:
        broad = measured_in(grow(known.keep))
    else:
        with tempfile.TemporaryDirectory(prefix="bench-breadth-") as folder:
            broad = measured_in(grow(Path(folder)))
    print("", table(now, broad), sep="\n")
    if known.write:
        write(now, broad)
    return 0


def measured_in(tree: Path) -> Breadth:
    """Measure the sources of a tree, in a process of its own."""
    print(f"bench: measuring {tree}", file=sys.stderr, flush=True)
    argv = [sys.executable, "-m", "bench.breadth.inside"]
    said = subprocess.run(argv, cwd=tree, check=True, stdout=subprocess.PIPE, text=True)
    return Breadth(**json.loads(said.stdout))


if __name__ == "__main__":
    sys.exit(main())
