"""`pgvigil run` as people run it: signals, reload, several servers, secrets, and a restart."""

import json
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from monitor.demo.launcher import Postgres, free_port
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.programs import Program
from tests.fixtures.stalled import assert_nothing_left, make_slow, unfinished_scrape, until_asleep
from tests.fixtures.until import until

pytestmark = pytest.mark.versions(18)
SECRET = "hunter2-never-logged"


@dataclass
class Daemon:
    """A running `pgvigil run`, and how to ask it."""

    program: Program
    address: str

    async def get(self, path: str) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=f"http://{self.address}", timeout=120) as client:
            return await client.get(path)

    async def ready(self) -> bool:
        try:
            return (await self.get("/readyz")).status_code == 200
        except httpx2.TransportError:
            assert self.program.running, self.program.output()
            return False

    async def findings(self, server: str) -> dict[str, Any]:
        told = (await self.get("/findings")).json()
        [found] = [s for s in told["servers"] if s["server"] == server]
        return {finding["finding"]: finding for finding in found["findings"]}

    async def is_ill(self, server: str, finding: str) -> Any:
        found = (await self.findings(server))[finding]
        return found if found["state"] == "ill" else None


Start = Callable[..., Daemon]


@pytest.fixture
def start(launch: Callable[..., Program]) -> Start:
    """Starts `pgvigil run` with these settings in its environment."""

    def begin(*flags: str, **environment: str) -> Daemon:
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "monitor", "run", "--listen", address, *flags]
        return Daemon(launch(command, env=environment, as_caller=True), address)

    return begin


def address(server: Postgres) -> str:
    return server.dsn("postgres", MONITOR)


async def test_sigterm_stops_it_at_once_and_leaves_no_session(
    private_server: PrivateServers, start: Start
) -> None:
    """Exit status 0, well within the five seconds that are promised, and no session of ours."""
    server = private_server()
    daemon = start(PGVIGIL_DSN=address(server))
    await until(daemon.ready, "it is ready")
    assert daemon.program.stop(signal.SIGTERM, seconds=5) == 0
    assert "Traceback" not in daemon.program.output()
    assert "error" not in daemon.program.output()
    await assert_nothing_left(server)


async def test_it_stops_as_fast_in_the_middle_of_work(
    private_server: PrivateServers, start: Start
) -> None:
    """A query runs, a scrape is half sent, a server is away: the query ends on the server too."""
    server = private_server()
    await make_slow(server)
    servers = {"slow": {"dsn": address(server)}, "away": {"dsn": "postgresql://127.0.0.1:1/x"}}
    daemon = start("--set", f"servers={json.dumps(servers)}")
    await until_asleep(server)
    async with unfinished_scrape(int(daemon.address.rpartition(":")[2])):
        assert daemon.program.stop(signal.SIGTERM, seconds=5) == 0
    await assert_nothing_left(server)


async def test_it_stops_as_fast_beside_hung_servers(
    private_server: PrivateServers, start: Start
) -> None:
    """Four that answer no goodbye: five seconds hold all the same."""
    server = private_server()
    servers = {name: {"dsn": address(server)} for name in "abcd"}
    daemon = start("--set", f"servers={json.dumps(servers)}")
    await until(daemon.ready, "it is ready")
    server.freeze()
    assert daemon.program.stop(signal.SIGTERM, seconds=5) == 0


async def test_a_password_is_in_no_log_and_on_no_page(
    private_server: PrivateServers, start: Start, workplace: Path
) -> None:
    """Right, wrong and rotated through a file: it is never shown, and read again each time."""
    server = private_server(loopback=True)
    async with connected(server.dsn()) as admin:
        await admin.execute(f"alter role {MONITOR} password '{SECRET}'")
    secret = workplace / "password"
    secret.write_text("wrong-" + SECRET)
    dsn = server.dsn("postgres", MONITOR, tcp=True, password="").replace(":@", "@")
    daemon = start(PGVIGIL_DSN=dsn, PGVIGIL_PASSWORD_FILE=str(secret), PGVIGIL_SERVER_NAME="it")

    async def refused() -> Any:
        return await daemon.ready() and await daemon.is_ill("it", "server_unreachable")

    found = await until(refused, "the wrong password is told")
    assert "password" in found["reason"]
    pages = [(await daemon.get(path)).text for path in ("/", "/findings", "/metrics")]
    assert all(SECRET not in page for page in pages)
    assert SECRET not in daemon.program.output()


async def test_several_servers_are_watched_and_changed_without_a_restart(
    private_server: PrivateServers, start: Start, workplace: Path
) -> None:
    """SIGHUP: one is added, a wrong file changes nothing, the first one keeps its sessions."""
    first, second = private_server(), private_server()
    config = workplace / "pgvigil.yaml"
    config.write_text(json.dumps({"servers": {"one": {"dsn": address(first)}}}))
    daemon = start("--config", str(config))
    await until(daemon.ready, "it is ready")
    ours = "select array_agg(pid) from pg_stat_activity where application_name = 'pgvigil'"
    async with connected(first.dsn()) as admin:
        before = set(await admin.fetchval(ours))
        config.write_text("servers: [this is no mapping")
        daemon.program.process.send_signal(signal.SIGHUP)

        async def refused() -> bool:
            return "pgvigil_config_last_reload_successful 0" in (await daemon.get("/metrics")).text

        await until(refused, "the wrong file is refused")
        servers = {"one": {"dsn": address(first)}, "two": {"dsn": address(second)}}
        config.write_text(json.dumps({"servers": servers}))
        daemon.program.process.send_signal(signal.SIGHUP)

        async def both() -> bool:
            page = (await daemon.get("/metrics")).text
            return all(f'pgvigil_up{{server="{name}"}} 1' in page for name in ("one", "two"))

        await until(both, "both are watched")
        assert before & set(await admin.fetchval(ours)), "the first one's sessions stayed"

    async def started() -> bool:
        one, two = await daemon.get("/metrics"), await daemon.get("/metrics?server=two")
        return (
            'pg_postmaster_start_time_seconds{server="one"}' in one.text
            and "pg_postmaster_start_time_seconds " in two.text
        )

    await until(started, "the slow lane of both has answered")
    targets = (await daemon.get("/sd")).json()
    assert {t["labels"]["instance"] for t in targets} == {"one", "two"}


async def test_a_restart_remembers_since_when(
    private_server: PrivateServers, start: Start, workplace: Path
) -> None:
    """Kill -9, and a new process: the illness is as old as it was."""
    server, state = private_server(), workplace / "state.db"
    settings = {
        "PGVIGIL_DSN": address(server),
        "PGVIGIL_SERVER_NAME": "it",
        "PGVIGIL_STATE_FILE": str(state),
        "PGVIGIL_FINDINGS__IDLE_IN_TRANSACTION__SILENT": "1s",
    }
    async with connected(server.dsn(), application_name="careless") as session:
        await session.execute("begin; select txid_current()")
        daemon = start(**settings)

        async def ill() -> Any:
            return await daemon.ready() and await daemon.is_ill("it", "idle_in_transaction")

        first = await until(ill, "it is found")

        async def written() -> bool:
            """Memory is committed once a second, by a thread."""
            query = "select count(*) from memory where room = 'idle_in_transaction'"
            with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as file:
                return bool(file.execute(query).fetchone()[0])

        await until(written, "it is written down")
        daemon.program.stop(signal.SIGKILL)
        daemon = start(**settings)
        second = await until(ill, "it is found again")
    assert second["subjects"][0]["since"] == first["subjects"][0]["since"]


async def test_a_taken_address_is_one_sentence(
    private_server: PrivateServers, start: Start
) -> None:
    """Exit status 2, and the setting's name."""
    server = private_server(start=False)
    first = start(PGVIGIL_DSN=address(server))
    await until(first.ready, "the first one listens")
    second = start("--listen", first.address, PGVIGIL_DSN=address(server))

    async def ended() -> bool:
        return not second.program.running

    await until(ended, "the second one gives up")
    assert second.program.process.returncode == 2
    [sentence] = second.program.output().strip().splitlines()
    assert first.address in sentence
    assert "PGVIGIL_LISTEN" in sentence
