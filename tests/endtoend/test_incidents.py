"""Ten incidents of different kinds, from real servers to a webhook, in one run of the chain."""

import json
import re
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alerts.prometheus.rule import alert_name
from alerts.prometheus.rulebook import RUNBOOK_BASE
from monitor.demo.launcher import Postgres
from tests.fixtures import incidents
from tests.fixtures.incidents import BOOKS, SHOP, SLOTS, STRANGER, WATCHED, Ill, Scenery, run
from tests.fixtures.postgres import PrivateServers, Psql
from tests.fixtures.programs import Program
from tests.fixtures.prometheus import Chain, chain, webhook
from tests.fixtures.until import until

__all__ = ["chain", "webhook"]

RULES = Path(__file__).parents[2] / "alerts" / "rules" / "pgvigil.yml"
# Minutes and months become seconds; what is told, and how it travels, stays as it is.
HASTE = (
    "paces.normal=1s",
    "paces.table=1s",
    "paces.slow=1s",
    "paces.daily=1s",
    "budget=100%",
    "scrape_interval=1s",
    "databases.include=postgres",
    "findings.idle_in_transaction.silent=2s",
    "findings.lock_queue_ddl.waits=1s",
    "findings.lock_blocker_root.one_waits=5s",
    "findings.index_unused.window=1s",
    "findings.index_unused.min_bytes=1",
    "findings.index_unused.min_writes=0",
    "findings.table_bloat.min_bytes=1MiB",
    "findings.table_bloat.floor_bytes=1MiB",
)


@dataclass(frozen=True, slots=True)
class Incident:
    finding: str
    server: str
    scene: Ill
    says: str
    """What the message must name, so that who reads it can act."""
    statement: str = ""
    """Of the cure in the message, which is pasted as it is; some are cured by people's hands."""
    resolves: bool = True

    @property
    def alert(self) -> str:
        return alert_name(self.finding)


CANCEL, TERMINATE = "SELECT pg_catalog.pg_cancel_backend(pid)", "pg_terminate_backend(pid"
INCIDENTS = (
    Incident("server_unreachable", "doomed", incidents.death, ":5432"),
    Incident("lock_queue_ddl", "shop", incidents.queue_behind_ddl, "public.orders", CANCEL),
    Incident("connection_saturation", "shop", incidents.connections_taken, "slots", TERMINATE),
    # What has happened has happened: it is told for ten minutes.
    Incident("deadlock_captured", "shop", incidents.deadlock, "accounts", resolves=False),
    Incident("replay_paused", "replica", incidents.paused_replay, "replica"),
    Incident("observer_blind", "blind", incidents.missing_rights, "pg_read_all_stats", "GRANT"),
    # It keeps others from cleaning up, so it is cured before them.
    Incident("idle_in_transaction", "books", incidents.idle_in_transaction, "lunch", TERMINATE),
    Incident("index_unused", "books", incidents.unused_index, "ledger_code", "DROP INDEX"),
    Incident("table_bloat", "books", incidents.bloat, "public.ledger", "VACUUM (FULL"),
)
CONSEQUENCES = {"lock_blocker_root": "lock_queue_ddl", "deadlocks": "deadlock_captured"}
"""True as well, and silenced by what explains them."""
GONE = alert_name("daemon_gone")


def impatient(rules: str) -> str:
    """The committed rules, except that watchdogs wait no longer than a person who tests."""
    return re.sub(r"(?m)^( +)for: .*", r"\1for: 2s", rules)


@pytest.fixture
async def scenery(private_server: PrivateServers, standby: Callable[..., Postgres]) -> Scenery:
    shop = private_server(
        max_connections=SLOTS, superuser_reserved_connections=1, deadlock_timeout="2s"
    )
    await run(shop, SHOP, f"CREATE ROLE {STRANGER} LOGIN")
    books, doomed = private_server(), private_server()
    await run(books, BOOKS)
    await incidents.delete_most(books)
    await run(doomed, WATCHED)
    return Scenery(shop, standby(shop, slot="replica"), books, doomed)


@pytest.mark.versions(18)
async def test_ten_incidents_reach_the_receiver(scenery: Scenery, chain: Chain, psql: Psql) -> None:
    """Each rings with what is needed to act; pasting it helps; causes silence consequences."""
    daemon = await started(chain, scenery)
    await chain.alertmanager()
    await chain.prometheus(impatient(RULES.read_text(encoding="utf-8")))
    async with AsyncExitStack() as ills:
        for incident in INCIDENTS:
            await ills.enter_async_context(incident.scene(scenery))
        for incident in INCIDENTS:
            assert_enough_to_act(incident, await rung(chain, incident.alert, incident.server))
        for effect, cause in CONSEQUENCES.items():
            assert alert_name(cause) in await silencers(chain, alert_name(effect))
            assert not chain.receiver.alerts(alert_name(effect))
        for incident in INCIDENTS:
            if incident.statement:
                await psql(scenery.owner(incident.server), await last_cure(chain, incident))
        for incident in INCIDENTS:
            if incident.statement:
                await rung(chain, incident.alert, incident.server, "resolved")
    for incident in INCIDENTS:
        if incident.resolves:
            await rung(chain, incident.alert, incident.server, "resolved")
    assert not chain.receiver.alerts(alert_name("most_servers_unreachable"))
    await nobody_watches(chain, scenery, daemon)


async def last_cure(chain: Chain, incident: Incident) -> str:
    """From the newest message, as it stands."""

    async def heard() -> str | None:
        last = calls(chain, incident.alert, incident.server)[-1]
        told = last["annotations"].get("cure", "")
        return told if incident.statement in told else None

    return str(await until(heard, f"a message about {incident.finding} has its statement"))


async def nobody_watches(chain: Chain, scenery: Scenery, daemon: Program) -> None:
    """The tenth: the daemon is killed, and comes back."""
    daemon.stop(signal.SIGKILL)
    page = await told_of_the_daemon(chain, "firing")
    assert "shop" in page["annotations"]["description"]
    assert "restart it" in page["annotations"]["cure"]
    await started(chain, scenery)
    await told_of_the_daemon(chain, "resolved")


async def told_of_the_daemon(chain: Chain, status: str) -> Any:
    """Of the one that was there: before the first scrape it rang because there was none at all."""

    async def heard() -> Any:
        return [one for one in calls(chain, GONE, "", status) if "instance" in one["labels"]]

    return (await until(heard, f"the receiver has heard {status}: {GONE}"))[0]


async def started(chain: Chain, scenery: Scenery) -> Program:
    return await chain.daemon(f"servers={json.dumps(scenery.addresses())}", *HASTE)


def assert_enough_to_act(incident: Incident, page: Any) -> None:
    """Who, where, how bad, what to do, and the page that says how to make sure."""
    told = page["annotations"]
    assert incident.server in told["summary"]
    assert incident.says in told["summary"]
    assert " Since " in told["description"]
    assert "\n" not in told["summary"] + told["cure"]
    assert told["runbook_url"] == f"{RUNBOOK_BASE}/{incident.finding}"
    assert page["labels"]["severity"] in ("info", "warning", "critical")


async def rung(chain: Chain, alert: str, server: str = "", status: str = "firing") -> Any:
    """The first such message that was delivered."""

    async def heard() -> Any:
        return calls(chain, alert, server, status)

    what = f"the receiver has heard {status}: {alert} {server}"
    return (await until(heard, f"{what}\n{chain.outputs()[-4000:]}"))[0]


def calls(chain: Chain, alert: str, server: str, status: str = "firing") -> list[dict[str, Any]]:
    told = chain.receiver.alerts(alert, status)
    return [one for one in told if server in (one["labels"].get("server"), "")]


async def silencers(chain: Chain, alert: str) -> set[str]:
    """The alerts by which one is silenced, as Alertmanager tells it."""

    async def causes() -> set[str]:
        known = {one["fingerprint"]: one for one in await chain.alerts()}
        return {
            known[cause]["labels"]["alertname"]
            for one in known.values()
            if one["labels"]["alertname"] == alert
            for cause in one["status"]["inhibitedBy"]
            if cause in known
        }

    return await until(causes, f"{alert} is silenced")
