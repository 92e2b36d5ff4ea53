"""Fleet for the pictures: the demo, a busy primary with its standby, and one without privileges."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from monitor.demo.binaries import Binaries, LaunchError, Owner
from monitor.demo.launcher import Postgres
from monitor.demo.shop import run
from monitor.postgres.role_sql import statements

PGVIGIL = Path(sys.executable).with_name("pgvigil")
MONITOR = "pgvigil"
TEXTS = "statement_texts=true"
BANK_SETTINGS: Mapping[str, object] = {
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "shared_buffers": "32MB",
    "autovacuum_naptime": "10s",
}
BANK = """
    CREATE DATABASE ledger;
    CREATE EXTENSION pg_stat_statements;
    SELECT pg_create_physical_replication_slot('forgotten', true);
"""
LEDGER = """
    CREATE TABLE branches_opened (id smallint GENERATED ALWAYS AS IDENTITY, opened date);
    INSERT INTO branches_opened (opened) SELECT now() FROM generate_series(1, 21000);
    GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;
"""
READY = 120.0
"""Seconds to wait for a started program."""


@dataclass(frozen=True, slots=True)
class Launcher:
    """Launcher of programs that end with the block in which they were started."""

    folder: Path
    owner: Owner
    ending: ExitStack

    def start(self, argv: Sequence[str | Path], ready: str | None = None) -> None:
        """Start a program, and return once the address `ready` answers. Raises LaunchError."""
        log = self.folder / f"{Path(argv[0]).name}.log"
        process = self.owner.popen(argv, log)
        self.ending.callback(_end, process)
        deadline = time.monotonic() + READY
        while ready and not _answers(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise LaunchError(f"{argv[0]} did not start: {log.read_text()[-500:]}")
            time.sleep(0.5)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Addresses of the demo's page, and of a Prometheus that knows all servers."""

    demo: str
    prometheus: str
    standby: Postgres

    def pause_replay(self) -> None:
        run(self.standby, "postgres", ["SELECT pg_wal_replay_pause();"])


@contextmanager
def fleet() -> Iterator[Fleet]:
    """Start the servers and two daemons that watch them. Raises LaunchError."""
    owner = Owner.unprivileged()
    folder = owner.scratch("pgvigil-pictures-")
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        caller = Launcher(folder, Owner(None, None), ending)
        demo, run_by_us, prometheus = (_free_address() for _ in range(3))
        watched: list[str | Path] = [PGVIGIL, "demo", "--listen", demo, "--set", TEXTS]
        caller.start(watched, f"http://{demo}/readyz")
        servers = _servers(Launcher(folder, owner, ending))
        dsns = {name: {"dsn": server.dsn("postgres", MONITOR)} for name, server in servers.items()}
        setting = f"servers={json.dumps(dsns)}"
        argv: list[str | Path] = [PGVIGIL, "run", "--listen", run_by_us]
        caller.start([*argv, "--set", setting, "--set", TEXTS], f"http://{run_by_us}/readyz")
        _prometheus(Launcher(folder, owner, ending), prometheus, [demo, run_by_us])
        yield Fleet(f"http://{demo}/", f"http://{prometheus}", servers["bank-standby"])


def _servers(launcher: Launcher) -> dict[str, Postgres]:
    """Start a primary under pgbench, its standby, and a server without our privileges."""
    binaries = Binaries.of_wheel().reachable_for(launcher.owner, launcher.folder)
    made = {
        name: Postgres(binaries, launcher.owner.place(launcher.folder / name), launcher.owner)
        for name in ("bank", "bank-standby", "payroll")
    }
    _bank(launcher, made["bank"])
    _standby(launcher, made["bank"], made["bank-standby"])
    made["payroll"].create()
    launcher.ending.enter_context(made["payroll"])
    run(made["payroll"], "postgres", [f"CREATE ROLE {MONITOR} LOGIN;"])
    return made


def _bank(launcher: Launcher, server: Postgres) -> None:
    server.create(BANK_SETTINGS)
    launcher.ending.enter_context(server)
    run(server, "postgres", [BANK])
    run(server, "ledger", [LEDGER])
    run(server, "postgres", statements(MONITOR, ("postgres", "ledger")))
    pgbench: list[str | Path] = [server.binaries.program("pgbench"), server.dsn("ledger")]
    launcher.owner.run([*pgbench, "--initialize", "--scale=5", "--quiet"])
    launcher.start([*pgbench, "--client=4", "--rate=25", "--time=86400"])


def _standby(launcher: Launcher, primary: Postgres, standby: Postgres) -> None:
    backup: list[str | Path] = [
        primary.binaries.program("pg_basebackup"),
        f"--dbname={primary.dsn()}",
    ]
    slot = ["--create-slot", "--slot=standby", "--write-recovery-conf", "--checkpoint=fast"]
    launcher.owner.run([*backup, *slot, f"--pgdata={standby.data}"])
    launcher.ending.enter_context(standby)


def _prometheus(launcher: Launcher, address: str, daemons: Sequence[str]) -> None:
    program = shutil.which("prometheus")
    if program is None:
        raise LaunchError("Prometheus is not installed.")
    named = [{"url": f"http://{daemon}/sd"} for daemon in daemons]
    scrape = {"job_name": "pgvigil", "http_sd_configs": named}
    config = launcher.folder / "prometheus.yml"
    text = {"global": {"scrape_interval": "15s"}, "scrape_configs": [scrape]}
    config.write_text(json.dumps(text), encoding="utf-8")  # JSON is YAML
    launcher.start(
        [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={launcher.owner.place(launcher.folder / 'tsdb')}",
            f"--web.listen-address={address}",
        ],
        f"http://{address}/-/ready",
    )


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5):
            return True
    except (URLError, OSError):
        return False


def _free_address() -> str:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
