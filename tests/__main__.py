"""Runs all tests: `python -m tests [arguments of pytest]`, or `make test ARGS='-k deadlock'`.

`--pg 18` leaves out other versions of PostgreSQL, `--tier quick` other tiers; both may be repeated.

One pytest for each version of PostgreSQL (two for the oldest and the newest, which have most tests)
and four without a server run side by side, for most of a test on a server is waiting. After them,
one at a time, come those that need the machine for themselves. What they print is shown when they
end; the last line adds them up, as pytest's does.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.fixtures.farm import VERSIONS
from tests.fixtures.tiers import TIERS

HOUSE = Path(__file__).parents[1]
NOTHING_TO_DO = 5  # pytest's exit status where no test was selected
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
HEARTBEAT = 60.0  # seconds of silence after which those that still run are named


@dataclass(slots=True)
class Part:
    """One pytest process: its name, its selection, and what came of it."""

    name: str
    selection: tuple[str, ...]
    folder: Path
    started: float = 0.0
    seconds: float = 0.0
    cpu: float = 0.0
    status: int | None = None
    process: subprocess.Popen[bytes] | None = None
    tally: dict[str, Any] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def failed(self) -> bool:
        return self.status not in (0, NOTHING_TO_DO)

    @property
    def died(self) -> bool:
        """Whether it ended without having said what became of its tests."""
        return self.failed and not self.failures

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.tally.get("counts", {})) + Counter(error=int(self.died))

    @property
    def failures(self) -> list[str]:
        found: list[str] = self.tally.get("failures", [])
        return found

    def start(self, arguments: Sequence[str]) -> None:
        tally = f"--tally={self.folder / self.name}.json"
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", tally]
        # Tests start programs of this tree by the dozen: each would compile all that it imports.
        environ = {name: value for name, value in os.environ.items() if name != NO_BYTECODE}
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*argv, *self.selection, *arguments],
                cwd=HOUSE,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def ended(self, status: int, cpu: float) -> None:
        self.seconds, self.cpu = time.monotonic() - self.started, cpu
        self.status = os.waitstatus_to_exitcode(status)
        if self.process:
            self.process.returncode = self.status
        tally = self.folder / f"{self.name}.json"
        if tally.exists():
            self.tally = json.loads(tally.read_text(encoding="utf-8"))


def side_by_side(parts: Sequence[Part], arguments: Sequence[str]) -> None:
    """Runs these parts at once and shows each as it ends; ends them if it is ended itself."""
    for part in parts:
        part.start(arguments)
    running = {part.process.pid: part for part in parts if part.process}
    spoke = time.monotonic()
    try:
        while running:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid in running:
                part = running.pop(pid)
                part.ended(status, usage.ru_utime + usage.ru_stime)
                show(part)
                spoke = time.monotonic()
            elif time.monotonic() - spoke > HEARTBEAT:
                say("still running: " + ", ".join(part.name for part in running.values()))
                spoke = time.monotonic()
            else:
                time.sleep(0.05)
    finally:
        for part in running.values():
            stop(part)


def stop(part: Part) -> None:
    if part.process:
        part.process.terminate()
        part.process.wait()


def show(part: Part) -> None:
    """One line of a part that passed; all that it printed where it did not."""
    if part.failed:
        say(part.log.read_text(errors="replace"))
    say(cost(part))


def cost(part: Part) -> str:
    """What a part took, and what came of it."""
    found = counted(part.counts) or "no tests"
    return f"{part.name:<8} {part.seconds:7.1f} s  {part.cpu:7.1f} s CPU  {found}"


def counted(counts: Counter[str]) -> str:
    """`1 failed, 20 passed`, in pytest's words and order."""
    words = {"failed": "failed", "passed": "passed", "skipped": "skipped", "xfailed": "xfailed"}
    words |= {"xpassed": "xpassed", "error": "error" if counts["error"] == 1 else "errors"}
    return ", ".join(f"{counts[name]} {word}" for name, word in words.items() if counts[name])


def conclude(parts: Sequence[Part], seconds: float) -> int:
    """The last lines of the run: what was left out, what failed, how many; the exit status."""
    left_out: Counter[str] = Counter()
    for part in parts:
        left_out.update(part.tally.get("left_out", {}))
    if left_out:
        say(line("LEFT OUT: this machine lacks"))
    for what, tests in sorted(left_out.items()):
        say(f"{what}: {tests} test{'s' if tests > 1 else ''}")
    failed = [part for part in parts if part.failed]
    if failed:
        say(line("FAILED"))
    for part in failed:
        for name in part.failures or [f"exit status {part.status}"]:
            say(f"FAILED {part.name}: {name}")
    total = sum((part.counts for part in parts), Counter[str]())
    say(line("STAGES"))
    for part in parts:
        say(cost(part))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    say(f"{sum(part.cpu for part in parts):.0f} s of CPU, load average {load}")
    text = counted(total) or "no tests ran"
    say(line(f"{text} in {seconds:.2f}s ({int(seconds) // 60}:{int(seconds) % 60:02d})"))
    return 1 if failed else 0 if total else NOTHING_TO_DO


def line(text: str) -> str:
    return f" {text} ".center(80, "=")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def parts_of(
    folder: Path, versions: Iterable[int], tiers: Collection[str] = TIERS
) -> tuple[list[Part], list[Part]]:
    """Those that run side by side, and those that run alone after them."""

    def part(name: str, tier: str, *versions: int) -> Part:
        return Part(name, (f"--tier={tier}", *(f"--pg={one}" for one in versions)), folder)

    def shared(one: Part, shares: int) -> Iterator[Part]:
        for number in range(1, shares + 1):
            name = one.name if shares == 1 else f"{one.name}-{number}"
            yield replace(one, name=name, selection=(*one.selection, f"--share={number}/{shares}"))

    def on_server(version: int) -> Iterator[Part]:
        shares = 2 if version in (min(VERSIONS), max(VERSIONS)) else 1
        yield from shared(part(f"pg{version}", "server", version), shares)

    servers = [one for version in versions for one in on_server(version)]
    first = [*(servers if "server" in tiers else ())]
    first += [part("tool", "tool")] if "tool" in tiers else []
    first += shared(part("quick", "quick"), 3) if "quick" in tiers else []
    return first, [part("alone", "alone", *versions)] if "alone" in tiers else []


def chooser() -> argparse.ArgumentParser:
    """Reads the arguments that choose parts; all others are pytest's."""
    parser = argparse.ArgumentParser("python -m tests", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--pg", type=int, action="append", choices=VERSIONS)
    parser.add_argument("--tier", action="append", choices=TIERS)
    return parser


def main(arguments: Sequence[str]) -> int:
    chosen, others = chooser().parse_known_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pgvigil-tests-") as folder:
        first, last = parts_of(Path(folder), chosen.pg or VERSIONS, chosen.tier or TIERS)
        side_by_side(first, others)
        side_by_side(last, others)
        return conclude([*first, *last], time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
