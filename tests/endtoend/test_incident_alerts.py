"""An alert is an incident: real blockers, through the shipped rules and routes to a webhook."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.programs import Program
from tests.fixtures.prometheus import Chain, chain, webhook
from tests.fixtures.until import until

__all__ = ["chain", "webhook"]

HOUSE = Path(__file__).parents[2]
RULES = HOUSE / "alerts" / "rules" / "pgvigil.yml"
EXAMPLE = HOUSE / "deploy" / "alertmanager" / "alertmanager.yml"
BLOCKER, IDLE = "lock_blocker_root", "idle_in_transaction"
# Minutes become seconds; what is told, and how it travels, stays as it is.
HASTE = (
    "scrape_interval=1s",
    "databases.include=postgres",
    f"findings.{BLOCKER}.one_waits=1s",
    f"findings.{BLOCKER}.one_waits_critical=2s",
)
SCRAPES = 3
"""A cured incident resolves within that many evaluations after it left the page."""
Alert = dict[str, Any]


@pytest.fixture
async def shop(private_server: PrivateServers) -> Postgres:
    server = private_server()
    async with connected(server.dsn()) as owner:
        await owner.execute(
            "CREATE TABLE accounts (id int PRIMARY KEY, balance int);"
            "INSERT INTO accounts SELECT i, 0 FROM generate_series(1, 4) i"
        )
    return server


@asynccontextmanager
async def blocker(shop: Postgres, row: int) -> AsyncIterator[None]:
    """A session keeps a row, and another one waits for it."""
    change = f"UPDATE accounts SET balance = balance + 1 WHERE id = {row}"
    async with connected(shop.dsn()) as holder, connected(shop.dsn()) as waiter:
        await holder.execute(f"BEGIN; {change}")
        waiting = asyncio.create_task(waiter.execute(change))
        yield
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await holder.execute("ROLLBACK")
        await asyncio.gather(waiting, return_exceptions=True)


def example(webhook_url: str, warning_waits: str = "1m") -> dict[str, Any]:
    """The shipped configuration, with shorter waits and one receiver for all routes."""
    config: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for receiver in config["receivers"]:
        name = receiver["name"]
        receiver.clear()
        receiver |= {"name": name, "webhook_configs": [{"url": webhook_url, "send_resolved": True}]}
    for route in config["route"]["routes"][0]["routes"]:
        wait = "1s" if 'severity="critical"' in route["matchers"] else warning_waits
        route |= {"group_wait": wait, "group_interval": wait}
    return {part: config[part] for part in ("route", "receivers", "inhibit_rules")}


async def started(chain: Chain, shop: Postgres, *settings: str, **waits: str) -> Program:
    """The whole chain; returns the daemon."""
    daemon = await watching(chain, shop, *settings)
    await chain.alertmanager(example(chain.receiver.address, **waits))
    await chain.prometheus(RULES.read_text(encoding="utf-8"))
    return daemon


async def watching(chain: Chain, shop: Postgres, *settings: str) -> Program:
    return await chain.daemon(
        "server_name=shop", *HASTE, *settings, PGVIGIL_DSN=shop.dsn(user=MONITOR)
    )


def messages(chain: Chain, finding: str, status: str, severity: str = "critical") -> list[Alert]:
    """Alerts of a finding as they were delivered, each as often as it was."""
    return [
        alert
        for call in list(chain.receiver.notifications)
        for alert in call["alerts"]
        if alert["labels"].get("finding") == finding
        and alert["labels"]["severity"] == severity
        and alert["status"] == status
    ]


def incidents(alerts: list[Alert]) -> list[str]:
    return [alert["labels"]["incident"] for alert in alerts]


async def told(chain: Chain, finding: str, status: str, times: int, **which: str) -> list[Alert]:
    """All such messages, once there are enough of them."""

    async def heard() -> list[Alert] | None:
        found = messages(chain, finding, status, **which)
        return found if len(found) >= times else None

    what = f"{times} × {status}: {finding}\n{chain.outputs()[-3000:]}"
    return await until(heard, what) or []


@pytest.mark.versions(18)
async def test_four_blockers_are_four_messages(chain: Chain, shop: Postgres) -> None:
    """Each pages while the others still block, and each ends by itself, soon after its cure."""
    await started(chain, shop)
    async with AsyncExitStack() as stack:
        blockers = []
        for row in range(1, 5):
            blockers.append(await stack.enter_async_context(AsyncExitStack()))
            await blockers[-1].enter_async_context(blocker(shop, row))
            await told(chain, BLOCKER, "firing", row)
        for number, one in enumerate(blockers, 1):
            await one.aclose()
            await told(chain, BLOCKER, "resolved", number)
    firing = incidents(messages(chain, BLOCKER, "firing"))
    assert len(set(firing)) == len(firing) == 4
    assert incidents(messages(chain, BLOCKER, "resolved")) == firing
    for incident in firing:
        assert await evaluations_after_the_end(chain, incident) <= SCRAPES


async def evaluations_after_the_end(chain: Chain, incident: str) -> int:
    """How often the rules still had an incident that a newer page no longer had."""
    which = f'{{incident="{incident}",severity="critical"}}[10m]'
    [page] = await chain.query(f"pgvigil_incident{which}")
    [held] = await chain.query(f"pgvigil:incident{which}")
    [known] = await chain.query(f'pgvigil_incidents_known{{finding="{BLOCKER}"}}[10m]')
    last = float(page["values"][-1][0])
    # A scrape that failed in between is silence, which is held.
    cured = min(float(at) for at, _ in known["values"] if float(at) > last)
    return sum(float(at) >= cured for at, _ in held["values"])


@pytest.mark.versions(18)
async def test_silence_is_no_cure(chain: Chain, shop: Postgres) -> None:
    """A daemon that hangs, and one that is killed and comes back, end nothing and page nobody."""
    daemon = await started(chain, shop)
    async with blocker(shop, 1):
        await told(chain, BLOCKER, "firing", 1)
        daemon.process.send_signal(signal.SIGSTOP)
        await until(lambda: chain.query("up == 0"), "a scrape fails")
        daemon.process.send_signal(signal.SIGCONT)
        await until(lambda: chain.query("up == 1 and on () pgvigil_incident"), "it goes on")
        daemon.stop(signal.SIGKILL)
        await until(lambda: chain.query("count_over_time(up[5s]) > 3 and up == 0"), "it is gone")
        assert await chain.query(f'pgvigil:incident{{finding="{BLOCKER}"}}')
        await watching(chain, shop)
        await until(lambda: chain.query(KNOWN), "the new one has judged it")
    await told(chain, BLOCKER, "resolved", 1)
    assert len(messages(chain, BLOCKER, "firing")) == 1
    assert len(messages(chain, BLOCKER, "resolved")) == 1


KNOWN = f'pgvigil_incidents_known{{finding="{BLOCKER}"}} and on () pgvigil_incident'


@pytest.mark.versions(18)
async def test_going_unknown_resolves_nothing(chain: Chain, shop: Postgres) -> None:
    """What can't be seen any more is held; what can't be there any more, after a start, ends."""
    await started(chain, shop)
    async with blocker(shop, 1):
        await told(chain, BLOCKER, "firing", 1)
        shop.kill()
        unknown = f'pgvigil_finding_state{{finding="{BLOCKER}",state="unknown"}}'
        await until(
            lambda: chain.query(f"count_over_time({unknown}[1m]) >= 5"), "the finding is unknown"
        )
        assert await chain.query(f'pgvigil:incident{{finding="{BLOCKER}"}}')
        assert not messages(chain, BLOCKER, "resolved")
        shop.start()
    await told(chain, BLOCKER, "resolved", 1)
    assert len(messages(chain, BLOCKER, "firing")) == 1


@pytest.mark.versions(18)
async def test_what_becomes_critical_is_not_resolved_first(chain: Chain, shop: Postgres) -> None:
    """The warning was told; it goes on, silenced, while the critical one fires."""
    limits = ("silent=1s", "silent_harmful=1s", "silent_critical=8s")
    settings = (f"findings.{IDLE}.{limit}" for limit in limits)
    await started(chain, shop, *settings, warning_waits="1s")
    async with connected(shop.dsn()) as session:
        await session.execute("BEGIN; SELECT txid_current()")
        [warning] = await told(chain, IDLE, "firing", 1, severity="warning")
        [critical] = await told(chain, IDLE, "firing", 1)
        assert incidents([warning]) == incidents([critical])
        assert not messages(chain, IDLE, "resolved", "warning")
        silenced = [
            one
            for one in await chain.alerts()
            if one["labels"]["severity"] == "warning"
            and one["labels"].get("incident") == critical["labels"]["incident"]
        ]
        assert [bool(one["status"]["inhibitedBy"]) for one in silenced] == [True]
        await session.execute("ROLLBACK")
        await told(chain, IDLE, "resolved", 1)
