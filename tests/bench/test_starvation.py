"""On a busy machine and a bad link, work stays apart from waiting, and paces stay as set.

The oracle is the CPU time that the kernel counts for the sessions of each watcher. The estimate
from afar depends on what else the machine does, see bench/STARVATION.md.
"""

from contextlib import ExitStack
from functools import partial

import pytest

from bench.starvation.conditions import CONDITIONS
from bench.starvation.watching import Watching, wait, watcher
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

pytestmark = [pytest.mark.versions(18), pytest.mark.alone]
WARM_UP, SETTLED, MEASURED = 15.0, 5.0, 20.0
"""Seconds."""
LANES = ("fast", "normal", "table", "slow", "daily")
LINKS = {"delay", "drip"}


async def test_waiting_is_no_work(private_server: PrivateServers) -> None:
    """Beside busy loops, stopped 90 % of the time, 150 ms away, and on a slow link."""
    server = private_server(max_connections=60)
    names = ("hogs8", "stopped", *LINKS)
    async with connected(server.dsn()) as admin:
        for name in names:
            await admin.execute(f"create role at_{name} login in role pg_monitor")
    with ExitStack() as stack:
        started = {
            name: stack.enter_context(
                watcher(server, "postgres", f"at_{name}", CONDITIONS[name], "seen", "quick")
            )
            for name in names
        }
        for one in started.values():
            await until(partial(has_begun, one), "it has begun")
        wait(WARM_UP, *started.values())
        with CONDITIONS["stopped"].disturb(started["stopped"].pid):
            measure(*(started[name] for name in ("stopped", *LINKS)))
            told = {name: started[name].believed for name in ("stopped", *LINKS)}
            work = {name: ratio(started[name]) for name in told}
        with CONDITIONS["hogs8"].disturb(started["hogs8"].pid):
            measure(started["hogs8"])
            told["hogs8"] = started["hogs8"].believed
            work["hogs8"] = ratio(started["hogs8"])
    assert all(0.5 <= by <= 2 for by in work.values()), work
    stretched = {
        name: max(one[lane] for one in said for lane in LANES) for name, said in told.items()
    }
    assert stretched == dict.fromkeys(told, 1.0)
    assert all(one["starved"] for one in told["stopped"])


async def has_begun(watching: Watching) -> bool:
    return bool(watching.believed)


def measure(*watching: Watching) -> None:
    wait(SETTLED, *watching)
    for one in watching:
        one.begin()
    wait(MEASURED, *watching)


def ratio(watching: Watching) -> float:
    """Its estimate of the server's work in the measured time, by the truth."""
    first, *_, last = watching.believed
    return (last["work"] - first["work"]) / watching.truth
