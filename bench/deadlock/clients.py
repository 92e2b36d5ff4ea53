"""Clients of a drawn workload, each over the driver that was drawn."""

import asyncio
import importlib
import logging
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

from bench.deadlock.grammar import Driver, Plans, Spec, Workload
from bench.deadlock.schema import APPLICATION, block, call, names_of
from bench.deadlock.script import Draw, Script, Values, literal, parameters
from monitor.demo.binaries import Binaries
from monitor.demo.launcher import Postgres

Execute = Callable[[str, tuple[int, ...]], Awaitable[None]]
DEADLOCK = "40P01"


@dataclass(slots=True)
class Log:
    """What clients tell of themselves."""

    began: float = field(default_factory=time.monotonic)
    commits: int = 0
    died: float | None = None
    """When the first victim was told, in seconds since they began; pgbench does not report it."""
    failed: Exception | None = None


def available() -> list[Driver]:
    """Those whose client is installed."""
    found = [Driver.asyncpg, Driver.pgbench]
    with suppress(ImportError):
        importlib.import_module("psycopg")
        found.append(Driver.psycopg)
    return found


@asynccontextmanager
async def at_work(server: Postgres, database: str, workload: Workload) -> AsyncIterator[Log]:
    """All clients, as long as the block lasts."""
    log = Log()
    run = with_pgbench if workload.spec.driver is Driver.pgbench else with_sessions
    task = asyncio.create_task(run(server, database, workload, log))
    try:
        yield log
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    if log.failed:
        raise log.failed


# Sessions of a Python driver.


async def with_sessions(server: Postgres, database: str, workload: Workload, log: Log) -> None:
    spec = workload.spec
    sessions = [await _session(server, database, spec) for _ in range(spec.clients)]
    lives = [_live(execute, workload, number, log) for number, (execute, _) in enumerate(sessions)]
    try:
        await asyncio.gather(*lives)
    except Exception as wrong:
        log.failed = wrong
    finally:
        for _, close in sessions:
            close()


async def _session(
    server: Postgres, database: str, spec: Spec
) -> tuple[Execute, Callable[[], None]]:
    settings = {"application_name": APPLICATION}
    if spec.plans is Plans.generic:
        settings["plan_cache_mode"] = "force_generic_plan"
    if spec.driver is Driver.psycopg:
        return await _psycopg(server, database, settings)
    session = await asyncpg.connect(server.dsn(database), server_settings=settings)

    async def execute(text: str, values: tuple[int, ...]) -> None:
        await session.execute(text, *values)

    return execute, session.terminate


async def _psycopg(
    server: Postgres, database: str, settings: dict[str, str]
) -> tuple[Execute, Callable[[], None]]:
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # it tells of each cancelled wait
    psycopg: Any = importlib.import_module("psycopg")
    connection = await psycopg.AsyncConnection.connect(server.dsn(database), autocommit=True)
    for name, value in settings.items():
        await connection.execute(f"set {name} = '{value}'")

    async def execute(text: str, values: tuple[int, ...]) -> None:
        await connection.execute(text, values or None)

    return execute, connection.pgconn.finish


async def _live(execute: Execute, workload: Workload, number: int, log: Log) -> None:
    spec, kind = workload.spec, number % len(workload.scripts)
    dice = Random(f"{spec.name}/{number}")
    offset = spec.rows if kind in workload.apart else 0
    while True:
        if spec.rest:
            await asyncio.sleep(spec.rest * dice.uniform(0.5, 1.5))
        values = workload.scripts[kind].values(dice, spec.rows, number)
        values = {n: v if n == "own" else v + offset for n, v in values.items()}
        try:
            await transaction(execute, spec, workload.scripts[kind], kind, values)
            log.commits += 1
        except Exception as wrong:
            if getattr(wrong, "sqlstate", None) != DEADLOCK:
                raise
            log.died = log.died or time.monotonic() - log.began
            with suppress(Exception):
                await execute("rollback", ())


async def transaction(
    execute: Execute, spec: Spec, script: Script, kind: int, values: Values
) -> None:
    if spec.wrapper == "do block":
        written = [(one, [str(values[n]) for n in one.names]) for one in script.statements]
        await execute(f"do $${block(spec, written)}$$", ())
    elif spec.wrapper != "statements":
        names = names_of(script)
        marks = [str(values[n]) for n in names]
        if spec.plans is Plans.simple:
            await execute(call(spec, kind, marks), ())
        else:
            text = call(spec, kind, _marks(spec, len(names)))
            await execute(text, tuple(values[n] for n in names))
    else:
        await execute("begin", ())
        for statement in script.statements:
            if spec.plans is Plans.simple:
                await execute(literal(statement, values), ())
            else:
                text = parameters(statement, _marks(spec, len(statement.names)))
                await execute(text, tuple(values[n] for n in statement.names))
            await asyncio.sleep(spec.think)
        await execute("commit", ())


def _marks(spec: Spec, count: int) -> list[str]:
    if spec.driver is Driver.psycopg:
        return ["%s"] * count
    return [f"${number}" for number in range(1, count + 1)]


# pgbench.

PROTOCOL = {Plans.simple: "simple", Plans.extended: "extended", Plans.generic: "prepared"}


async def with_pgbench(server: Postgres, database: str, workload: Workload, log: Log) -> None:
    """One process for each kind of transaction."""
    spec = workload.spec
    with tempfile.TemporaryDirectory(prefix="pgvigil-bench-") as folder:
        processes = []
        try:
            for kind, script in enumerate(workload.scripts):
                path = Path(folder) / f"{kind}.sql"
                path.write_text("\n".join(pgbench_script(workload, script, kind)) + "\n")
                clients = len(range(kind, spec.clients, len(workload.scripts)))
                processes.append(await _pgbench(server, database, spec, path, clients))
            ends = [asyncio.create_task(process.communicate()) for process in processes]
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            log.failed = RuntimeError(done.pop().result()[1].decode()[-2000:])
        finally:
            for process in processes:
                if process.returncode is None:
                    process.terminate()
            for process in processes:
                await process.wait()


async def _pgbench(
    server: Postgres, database: str, spec: Spec, path: Path, clients: int
) -> asyncio.subprocess.Process:
    options = "-c plan_cache_mode=force_generic_plan" if spec.plans is Plans.generic else ""
    own = server.binaries.program("pgbench")
    program = own if own.exists() else Binaries.of_wheel().program("pgbench")
    argv: list[str | Path] = [program, "--no-vacuum", "--max-tries=0"]
    argv += [f"--protocol={PROTOCOL[spec.plans]}", f"--client={clients}", "--time=3600"]
    argv += [f"--random-seed={spec.number}", f"--file={path}", server.dsn(database)]
    environment = {"PGAPPNAME": APPLICATION, "PGOPTIONS": options, "PATH": "/usr/bin:/bin"}
    return await asyncio.create_subprocess_exec(
        *argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )


def pgbench_script(workload: Workload, script: Script, kind: int) -> Iterator[str]:
    spec = workload.spec
    offset = spec.rows if kind in workload.apart else 0
    for name, draw in script.draws:
        drawn = f"random({offset + 1}, {offset + spec.rows})"
        own = f":client_id + {kind * spec.clients}"  # every process counts from 0
        yield f"\\set {name} {own if draw is Draw.own else drawn}"
    yield from _sorted(script.sort)
    if spec.rest:
        microseconds = round(spec.rest * 1e6)
        yield f"\\set rest random({microseconds // 2}, {microseconds * 3 // 2})"
        yield "\\sleep :rest us"
    if spec.wrapper == "statements":
        yield "begin;"
        for statement in script.statements:
            yield parameters(statement, [f":{name}" for name in statement.names]) + ";"
            yield f"\\sleep {round(spec.think * 1000)} ms"
        yield "commit;"
    else:
        yield call(spec, kind, [f":{name}" for name in names_of(script)]) + ";"


def _sorted(names: tuple[str, ...]) -> Iterator[str]:
    """Puts two or three values into ascending order."""
    if names:
        together = ", ".join(f":{name}" for name in names)
        yield f"\\set low least({together})"
        yield f"\\set high greatest({together})"
        if len(names) == 3:
            yield f"\\set middle {' + '.join(f':{name}' for name in names)} - :low - :high"
            yield f"\\set {names[1]} :middle"
        yield f"\\set {names[0]} :low"
        yield f"\\set {names[-1]} :high"
