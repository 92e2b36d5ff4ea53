"""Temporary PostgreSQL servers for the demo and for tests: start, stop, freeze, kill."""

import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

from monitor.demo.binaries import Binaries, LaunchError, Owner
from monitor.demo.process_group import ProcessGroup

LONGEST_SOCKET_PATH = 107  # bytes, of the kernel's sockaddr_un

LOGIN: Mapping[str, Any] = {"ssl": False, "target_session_attrs": "any"}
"""Arguments of asyncpg beside the connection string: else PG* variables, which mean other servers,
would decide."""

STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Postgres:
    """A server in its own folder, which contains `data/`, the socket and the log.

    It listens on the socket, which trusts every user who can enter the folder, and with
    `loopback` also on 127.0.0.1, with a password.
    """

    binaries: Binaries
    folder: Path
    owner: Owner = field(default_factory=Owner.unprivileged)
    loopback: bool = False
    port: int = 5432
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    prefix: tuple[str, ...] = ()
    """Words before the program, such as a shell that sets limits and becomes it by `exec`."""
    _processes: ProcessGroup | None = None
    """Those of the last start; None before the first."""

    def __post_init__(self) -> None:
        if len(bytes(self.folder / f".s.PGSQL.{self.port}")) > LONGEST_SOCKET_PATH:
            raise LaunchError(f"The path {self.folder} is too long for a socket; set TMPDIR=/tmp.")
        if self.loopback and self.port == 5432:
            self.port = free_port()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def pid(self) -> int:
        """Process ID of the postmaster."""
        if self._processes is None:
            raise LaunchError(f"The server in {self.folder} is not running.")
        return self._processes.postmaster.pid

    @property
    def running(self) -> bool:
        return self._processes is not None and self._processes.running

    def dsn(
        self,
        database: str = "postgres",
        user: str = "postgres",
        *,
        password: str | None = None,
        tcp: bool = False,
    ) -> str:
        """Return a connection string; with `tcp`, it has the superuser's password by default."""
        name, who = quote(database, safe=""), quote(user, safe="")
        if not tcp:
            host = quote(str(self.folder), safe="")
            return f"postgresql://{who}@/{name}?host={host}&port={self.port}"
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{who}:{secret}@127.0.0.1:{self.port}/{name}"

    def create(self, settings: Mapping[str, object] | None = None) -> None:
        """Initialise the data folder, without starting the server."""
        self.binaries = self.binaries.reachable_for(self.owner, self.folder)
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        self.owner.take(secret)
        self.owner.run(
            [
                self.binaries.program("initdb"),
                f"--pgdata={self.data}",
                "--username=postgres",
                f"--pwfile={secret}",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]
        )
        secret.unlink()
        self.configure(settings or {})

    def configure(self, settings: Mapping[str, object]) -> None:
        """Append settings to postgresql.conf; they apply from the next start or reload."""
        with (self.data / "postgresql.conf").open("a") as conf:
            for name, value in settings.items():
                text = str(value).replace("'", "''")
                conf.write(f"{name} = '{text}'\n")

    def clone(self, folder: Path, *, loopback: bool = False) -> "Postgres":
        """Copy this stopped server; the copy has the same system_identifier."""
        self.owner.run(["cp", "--archive", "--reflink=auto", self.data, folder / "data"])
        return Postgres(self.binaries, folder, self.owner, loopback, password=self.password)

    def start(self, *, wait: bool = True) -> None:
        """Start the server; with `wait`, return once it accepts connections."""
        # Flags, because a copied data folder contains the settings of the original server.
        location = {
            "unix_socket_directories": f'"{self.folder}"',
            "listen_addresses": "127.0.0.1" if self.loopback else "",
            "port": str(self.port),
        }
        flags = [word for name, value in location.items() for word in ("-c", f"{name}={value}")]
        program = self.binaries.program("postgres")
        argv: list[str | Path] = [*self.prefix, program, "-D", self.data, *flags]
        self._processes = ProcessGroup(self.owner.popen(argv, self.log))
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Wait by reading postmaster.pid, as pg_ctl does, so that no session is needed."""
        deadline = time.monotonic() + seconds
        while not _says_ready(self.data, self.pid):
            if not self.running:
                raise LaunchError(f"PostgreSQL did not start: {_last_words(self.log)}")
            if time.monotonic() > deadline:
                raise LaunchError(f"PostgreSQL in {self.folder} was not ready in {seconds:.0f} s.")
            time.sleep(0.01)

    def stop(
        self, how: Literal["smart", "fast", "immediate"] = "fast", seconds: float = 30
    ) -> None:
        """Stop the server, also a frozen one; after `seconds`, kill it."""
        if self._processes:
            self._processes.stop(STOPS[how], seconds)

    def restart(self, how: Literal["smart", "fast", "immediate"] = "fast") -> None:
        self.stop(how)
        self.start()

    def reload(self) -> None:
        os.kill(self.pid, signal.SIGHUP)

    def promote(self) -> None:
        """Promote a standby, and return once it is a primary."""
        self.owner.run([self.binaries.program("pg_ctl"), "promote", "-D", self.data])

    def freeze(self) -> None:
        """Send SIGSTOP to every process: the kernel accepts connections, but nothing answers."""
        if self._processes:
            self._processes.freeze()

    def thaw(self) -> None:
        if self._processes:
            self._processes.thaw()

    def kill(self) -> None:
        """Send SIGKILL to every process, as after a power failure or by the OOM killer."""
        if self._processes:
            self._processes.kill()

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self.stop("immediate")
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _says_ready(data: Path, pid: int) -> bool:
    """Whether the postmaster with that process ID has written that it accepts connections."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    # Check the pid, because a killed server leaves its file behind.
    return len(lines) > 7 and int(lines[0]) == pid and lines[7].strip() == "ready"


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    complaints = [line.partition("FATAL:  ")[2] for line in lines if "FATAL:  " in line]
    return (complaints or lines or ["its log is empty"])[-1]
