"""PgBouncer before the demo's server, where one is installed; elsewhere the demo goes without."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from monitor.demo.launcher import Postgres
from monitor.demo.shop import APP, DATABASE, MONITOR

NAME = "shop-pool"
PORT = 6432
"""The name of its socket; it listens nowhere else."""
SIZE = 2
"""Server connections: fewer than the clients that hold one each in session mode, and those that
come later."""
PATIENCE = 5.0
"""Seconds to wait until it listens."""
SEARCHED = (os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin")
INI = """\
[databases]
{database} = host={folder} port={server} dbname={database} user={app}

[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
listen_port = {port}
auth_type = any
stats_users = {monitor}
admin_users = postgres
pidfile = {folder}/pgbouncer.pid
pool_mode = session
default_pool_size = {size}
query_wait_timeout = 0
"""


@cache
def program() -> str | None:
    """Return the path of pgbouncer; None where it is not installed."""
    return shutil.which("pgbouncer", path=os.pathsep.join(SEARCHED))


def settings(server: Postgres) -> dict[str, str]:
    """Return the settings that watch it; none where it is not installed."""
    if program() is None:
        return {}
    console = f"host={server.folder} port={PORT} user={MONITOR} dbname=pgbouncer"
    return {f"poolers.{NAME}.dsn": console, f"poolers.{NAME}.log": str(log_of(server))}


def log_of(server: Postgres) -> Path:
    return server.folder / "pgbouncer.log"


@contextmanager
def running(server: Postgres) -> Iterator[None]:
    """Run it, where it is installed, for the length of a block."""
    found = program()
    if found is None:
        yield
        return
    ini = server.folder / "pgbouncer.ini"
    place = {"folder": server.folder, "server": server.port, "port": PORT, "size": SIZE}
    ini.write_text(INI.format(database=DATABASE, app=APP, monitor=MONITOR, **place))
    server.owner.take(ini)
    process = server.owner.popen([found, "--quiet", ini], log_of(server))
    try:
        deadline = time.monotonic() + PATIENCE
        listening = server.folder / f".s.PGSQL.{PORT}"
        while not listening.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        yield
    finally:
        process.kill()
        process.wait()


def end(folder: Path) -> None:
    """Kill the one that a killed demo has left in its folder."""
    with suppress(OSError, ValueError):
        pid = int((folder / "pgbouncer.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if os.fsencode(folder / "pgbouncer.ini") in words:
            os.kill(pid, signal.SIGKILL)
