"""Comparison of what the daemon believes of a busy machine with what the kernel knows."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.report import machine, markdown
from bench.scenarios import Scenario, built, relations
from bench.starvation.conditions import CONDITIONS, Condition
from bench.starvation.watching import Watching, wait, watcher
from monitor.demo.launcher import Postgres

PAGE = Path(__file__).parent.parent / "STARVATION.md"
CONTENT = Scenario("idle server with 20 tables", relations(20, 1))
WARM_UP = 60.0
"""Seconds on the machine as it is, before it is disturbed."""
SETTLED = 12.0
"""Seconds of the disturbance until the daemon may be expected to know it."""
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
    with watcher(server, "shop", ROLE, condition, sight) as watching:
        if start == "warm":
            wait(WARM_UP, watching)
        with condition.disturb(watching.pid):
            wait(SETTLED, watching)
            watching.begin()
            wait(seconds, watching)
            return summary(condition, watching)


def summary(condition: Condition, watching: Watching) -> Measured:
    """Return what was believed since the measurement began, and what was true."""
    first, *said = watching.believed
    if not said:
        sys.exit(f"bench starvation: nothing was heard of the daemon ({condition.title}).")
    last = said[-1]

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
        truth=watching.truth,
        work=last["work"] - first["work"],
        elapsed=last["elapsed"] - first["elapsed"],
        left_out=int(last["left_out"] - first["left_out"]),
        stretches=tuple(max(one[lane] for one in said) for lane in LANES),
        load=os.getloadavg()[0],
    )


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
