"""The demo as a user meets it: what it finds, that its cures work, and that it leaves nothing."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from monitor.demo import pooler
from monitor.demo.binaries import Binaries
from monitor.demo.launcher import free_port
from monitor.demo.shop import DATABASE
from tests.fixtures.programs import Program
from tests.fixtures.until import until

DEMO = [sys.executable, "-m", "monitor", "demo"]
PLANTED = {
    "column_types": {"public.price_changes.at", "public.price_changes.price"},
    "connection_saturation": {"connection slots"},
    "deadlocks": {"shop"},
    "fk_without_index": {"public.order_items (product_id)"},
    "index_bloat": {"public.carts_pkey"},
    "index_invalid": {"public.orders_created_idx"},
    "index_unused": {"public.order_items_unit_price_idx"},
    "repeating_columns": {"public.products (tag1 …)"},
    "sequence_column_mismatch": {"public.deliveries_id_seq"},
    "table_bloat": {"public.carts"},
    "table_without_pk": {"public.price_changes"},
    "toast_bloat": {"public.receipts"},
    "undocumented_duplicate_column": {"public.orders.email"},
}
STATEMENTS = {
    "query_plan_signals": "order_items",
    "query_temp_spill": "SELECT product_id, customer_id",
}
SESSIONS = {
    "idle_in_transaction": "price-import",
    "lock_blocker_root": "price-import",
    "lock_queue_ddl": "public.reviews",
}
Launch = Callable[..., Program]


class Shown:
    """A demo that runs, its page, and its database."""

    def __init__(self, launch: Launch, environment: dict[str, str], place: Path) -> None:
        self.place = place
        self.port = free_port()
        # What is ill stays visible for two scrapes, so that none misses it: here, for seconds.
        argv = [*DEMO, f"--listen=127.0.0.1:{self.port}", "--set=scrape_interval=1s"]
        self.program = launch(argv, env=environment, as_caller=True)

    async def page(self, path: str) -> str:
        def get() -> str:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
                return str(answer.read().decode())

        try:
            return await asyncio.to_thread(get)
        except OSError:
            return ""

    async def subjects(self, finding: str) -> list[dict[str, Any]]:
        return subjects_of(await self.page("/findings"), finding)

    async def psql(self, statements: str) -> str:
        (folder,) = self.place.glob("pgvigil-demo-*")
        psql = Binaries.of_wheel().program("psql")
        dsn = f"postgresql://postgres@/{DATABASE}?host={folder}"
        options = ("-X", "-At", "-v", "ON_ERROR_STOP=1")
        pasted = await asyncio.create_subprocess_exec(
            psql, *options, dsn, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        printed, _ = await pasted.communicate(statements.encode())
        assert pasted.returncode == 0
        return printed.decode().strip()

    async def waiting_tills(self) -> int:
        return int(
            await self.psql(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'till' AND wait_event_type = 'Lock'"
            )
        )


OF_OTHERS = {
    "PGHOST": "db.example",
    "PGPORT": "1",
    "PGSSLMODE": "verify-full",
    "PGTARGETSESSIONATTRS": "standby",
}
"""What a shell may hold for the servers that it is for."""


def subjects_of(written: str, finding: str) -> list[dict[str, Any]]:
    found = json.loads(written or '{"servers": []}')
    return [
        subject
        for target in (*found["servers"], *found.get("targets", ()))
        for verdict in target["findings"]
        if verdict["finding"] == finding and verdict["state"] == "ill"
        for subject in verdict["subjects"]
    ]


def assert_nothing_left(place: Path) -> None:
    """No folder of a demo, and no process that works in one."""
    assert not list(place.glob("pgvigil-demo-*"))
    working = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            working.append(str((process / "cwd").readlink()))
    assert working
    assert not [cwd for cwd in working if cwd.startswith(str(place))]


def test_once(environment: dict[str, str], place: Path) -> None:
    """--once prints every planted illness with its subject and its cure, as JSON and nothing
    else, exits 0, and leaves neither a process nor a folder. Variables of other servers are
    without effect."""
    done = subprocess.run(
        [*DEMO, "--once", "--format", "json"],
        env=environment | OF_OTHERS,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for finding, planted in PLANTED.items():
        assert {one["subject"] for one in subjects_of(done.stdout, finding)} == planted
    waiting = subjects_of(done.stdout, "pooler_clients_waiting")
    assert {one["subject"] for one in waiting} == ({"shop/app"} if pooler.program() else set())
    for finding, name in SESSIONS.items():
        assert any(name in one["subject"] for one in subjects_of(done.stdout, finding))
    for finding, text in STATEMENTS.items():
        assert any(text in one["message"] for one in subjects_of(done.stdout, finding))
    assert all(one["cure"] for name in PLANTED for one in subjects_of(done.stdout, name))
    assert "PGVIGIL_FINDINGS__INDEX_UNUSED__WINDOW=15s" in json.loads(done.stdout)["notices"][0]
    assert_nothing_left(place)


async def test_cure_works_and_sigterm_leaves_nothing(
    launch: Launch, environment: dict[str, str], place: Path
) -> None:
    """The page says what is shortened; the printed cure of the silent transaction, pasted into
    psql, frees those who wait, and the finding goes; SIGTERM ends all of it."""
    shown = Shown(launch, environment, place)

    async def blocker() -> list[dict[str, Any]]:
        assert shown.program.running, shown.program.output()
        return await shown.subjects("idle_in_transaction")

    (ill,) = await until(blocker, "the silent transaction is found")
    assert ill["facts"]["waiting_sessions"] == await shown.waiting_tills() == 3
    assert "PGVIGIL_FINDINGS__INDEX_UNUSED__WINDOW=15s" in await shown.page("/")

    await shown.psql("\n".join(ill["cure"]))

    async def freed() -> bool:
        return await shown.waiting_tills() == 0

    async def gone() -> bool:
        return not await shown.subjects("idle_in_transaction")

    await until(freed, "nobody waits any more")
    await until(gone, "the finding is gone")
    assert shown.program.stop() == 0
    assert_nothing_left(place)
