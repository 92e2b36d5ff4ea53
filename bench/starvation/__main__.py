"""Measures what the daemon believes of a busy machine against what the kernel knows."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote

from bench.processes import cpu_seconds
from bench.report import machine, markdown
from bench.scenarios import Scenario, built, relations
from bench.starvation.conditions import CONDITIONS, Condition
from monitor.demo.launcher import Postgres

PAGE = Path(__file__).parent.parent / "STARVATION.md"
CONTENT = Scenario("idle server with 20 tables", relations(20, 1))
WARM_UP = 40.0
"""Seconds on the machine as it is, before it is disturbed."""
SETTLED = 12.0
"""Seconds of the disturbance until the daemon may be expected to know it."""
LOOK = 0.03
ROLE = "pgvigil"
LANES = ("fast", "normal", "table", "slow", "daily")


@dataclass(frozen=True, slots=True)
class Measured:
    """One condition. Shares are medians of the seconds after it has settled."""

    title: str
    foreign: float
    run_delay: float
    run: float
    late: float
    starved: float
    """Share of the seconds in which it said so."""
    overloaded: float
    disturbed: float
    truth: float
    """Seconds of CPU time that its backends used."""
    work: float
    elapsed: float
    left_out: int
    stretches: tuple[float, ...]
    load: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench starvation", description=__doc__)
    parser.add_argument("--condition", action="append", choices=tuple(CONDITIONS))
    parser.add_argument("--seconds", type=float, default=60.0, help="of each measurement")
    parser.add_argument("--sight", action="append", choices=("seen", "remote"))
    parser.add_argument("--start", action="append", choices=("warm", "cold"))
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    known = parser.parse_args(arguments)
    found = []
    with built(CONTENT) as server:
        for name in known.condition or CONDITIONS:
            for sight in known.sight or ("seen", "remote"):
                for start in known.start or ("warm",):
                    one = measured(server, CONDITIONS[name], sight, start, known.seconds)
                    print(json.dumps({"name": name, "sight": sight, "start": start} | fields(one)))
                    sys.stdout.flush()
                    found.append((f"{one.title}, {sight}, {start}", one))
    print("", table(found), sep="\n")
    if known.write:
        PAGE.write_text(page(found, known.seconds))
    return 0


def fields(one: Measured) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__slots__}


def measured(
    server: Postgres, condition: Condition, sight: str, start: str, seconds: float
) -> Measured:
    """Watch for that long under a condition, after a time without it unless the start is cold."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, address(server, condition) as dsn:
        file = Path(folder) / "believed"
        file.touch()
        argv = [sys.executable, "-m", "bench.starvation.probe", dsn, str(file), sight]
        program = subprocess.Popen([*argv, *(["busy"] if condition.is_busy else [])])
        try:
            books = Books(server.pid)
            if start == "warm":
                books.wait(WARM_UP)
            with condition.disturb(program.pid):
                books.wait(SETTLED)
                before, truth = len(lines(file)), books.total
                books.wait(seconds)
                told = lines(file)[max(0, before - 1) :]
                truth = books.total - truth
        finally:
            program.kill()
            program.wait()
    return summary(condition, told, truth)


def summary(condition: Condition, told: list[dict[str, float]], truth: float) -> Measured:
    first, last, said = told[0], told[-1], told[1:]

    def middle(name: str) -> float:
        return median(one[name] or 0.0 for one in said)

    def share(name: str) -> float:
        return sum(one[name] for one in said) / len(said)

    return Measured(
        title=condition.title,
        foreign=middle("foreign"),
        run_delay=middle("run_delay"),
        run=middle("run"),
        late=middle("late"),
        starved=share("starved"),
        overloaded=share("overloaded"),
        disturbed=share("disturbed"),
        truth=truth,
        work=last["work"] - first["work"],
        elapsed=last["elapsed"] - first["elapsed"],
        left_out=int(last["left_out"] - first["left_out"]),
        stretches=tuple(max(one[lane] for one in said) for lane in LANES),
        load=os.getloadavg()[0],
    )


def lines(file: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


class Books:
    """CPU time of the backends of our role, also of those that have ended since."""

    def __init__(self, postmaster: int) -> None:
        self.postmaster = postmaster
        self.known: dict[int, float] = {}

    @property
    def total(self) -> float:
        return sum(self.known.values())

    def wait(self, seconds: float) -> None:
        """Look again and again for that long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            time.sleep(LOOK)

    def look(self) -> None:
        children = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children")
        for pid in map(int, children.read_text().split()):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split()
                if ROLE.encode() in words:
                    self.known[pid] = cpu_seconds(pid)
            except OSError:
                continue  # it has just ended


@contextmanager
def address(server: Postgres, condition: Condition) -> Iterator[str]:
    """The address of a server, through the link of the condition if it has one."""
    if condition.link is None:
        yield server.dsn("shop", ROLE)
        return
    socket = f"{server.folder}/.s.PGSQL.{server.port}"
    argv = [sys.executable, "-m", "bench.starvation.link", socket]
    argv += [str(condition.link.delay), str(condition.link.rate)]
    link = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert link.stdout is not None
        port = int(link.stdout.readline())
        yield f"postgresql://{quote(ROLE)}@127.0.0.1:{port}/shop?sslmode=disable"
    finally:
        link.kill()
        link.wait()


HEAD = (
    "condition",
    "foreign",
    "run delay",
    "run",
    "starved",
    "overloaded",
    "disturbed",
    "work ÷ truth",
    "elapsed ÷ truth",
    "stretch: fast, normal, table, slow, daily",
    "load",
)


def table(found: Sequence[tuple[str, Measured]]) -> str:
    return markdown(HEAD, [row(title, one) for title, one in found])


def row(title: str, one: Measured) -> list[str]:
    return [
        title,
        *(f"{share:.1%}" for share in (one.foreign, one.run_delay, one.run)),
        *(f"{share:.0%}" for share in (one.starved, one.overloaded, one.disturbed)),
        f"{one.work / one.truth:.2f}",
        f"{one.elapsed / one.truth:.1f}",
        ", ".join(f"{stretch:.1f}" for stretch in one.stretches),
        f"{one.load:.1f}",
    ]


def page(found: Sequence[tuple[str, Measured]], seconds: float) -> str:
    return "\n".join(
        (
            "# A busy machine",
            "",
            f"Measured by `make bench ARGS='starvation --write'` on {machine()}, {seconds:.0f} s a"
            f" condition, {CONTENT.title}, default paces.",
            "",
            "*Foreign*, *run delay* and *run* are the shares by which the daemon judges that it is"
            " starved (foreign ≥ 3 % or run delay ≥ 10 %) or disturbed; the next three columns are"
            " the shares of the time in which it said so. *Work* is the estimate, *elapsed* the"
            " time until answers came, less the way there and back; the truth is the CPU time of"
            " its backends in `/proc/PID/schedstat`. *Seen*: the daemon can read that file too;"
            " *remote*: it can't.",
            "",
            table(found),
            "",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
