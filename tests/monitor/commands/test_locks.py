"""`pgvigil locks`: live on a terminal, otherwise once."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from monitor.commands.locks import watch
from monitor.config.load import load
from tests.fixtures.daemon import PATIENT
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_stage import Stage
from tests.fixtures.postgres import Database
from tests.fixtures.until import until

PROGRAM = Path(sys.executable).with_name("pgvigil")
OTHER_SCREEN, BACK = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.mark.versions(14, 18)
async def test_the_command_prints_the_tree_once(stage: Stage, database: Database) -> None:
    """Without a terminal: plain text, tables with their names, exit status 0."""
    await stage.holds("lock table orders", application_name="night 'job'")
    pid = await stage.waits("select from orders")
    dsn = database.server.dsn(database.name, MONITOR)
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, "locks", "--dsn", dsn),
        env={**os.environ, **PATIENT},
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await process.communicate())[0].decode()
    lines = printed.splitlines()
    root = next(n for n, line in enumerate(lines) if "night 'job'" in line)
    assert process.returncode == 0
    assert f"pid {pid} in {database.name}, waits" in lines[root + 2]
    assert lines[root + 2].startswith("    postgres")
    assert lines[root + 2].endswith("for public.orders")
    assert lines[root + 3] == "      select from orders"


@pytest.mark.versions(14, 18)
async def test_tables_have_their_names_after_a_visit_that_was_cut_short(
    stage: Stage,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A busy server answers the first question only."""
    monkeypatch.setattr("monitor.polling.database_walk.BRIEF", 0.0)
    await stage.holds("lock table orders")
    await stage.waits("select from orders")
    settings = load({"dsn": database.server.dsn(database.name, MONITOR)}, PATIENT)
    assert await watch(settings, Console(width=200), live=False) == 0
    printed = capsys.readouterr().out
    assert "for public.orders" in printed
    assert "not known yet" not in printed


@pytest.mark.versions(18)
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_on_a_terminal_it_is_live_until_interrupted(
    stage: Stage, database: Database, end: signal.Signals
) -> None:
    """On a screen of its own, which is left again; what changes is seen without being asked for."""
    root = await stage.holds("lock table orders")
    ours, its = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, "locks", "--dsn", database.server.dsn(database.name, MONITOR)),
        env={**os.environ, **PATIENT, "TERM": "xterm", "COLUMNS": "200", "LINES": "50"},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    os.set_blocking(ours, False)
    screen = bytearray()

    async def shows(text: bytes) -> bool:
        with suppress(OSError):  # nothing new, or it has hung up
            screen.extend(os.read(ours, 1 << 16))
        return text in screen

    try:
        await until(lambda: shows(b"No session waits for a lock."), "it looks")
        await stage.waits("select from orders")
        await until(lambda: shows(b"for public.orders"), "the waiter is on the screen")
        await root.execute("commit")
        process.send_signal(end)
        await until(lambda: shows(BACK), "the old screen is back")
        assert await process.wait() == 0
        assert screen.index(OTHER_SCREEN) < screen.index(BACK)
        assert b"Traceback" not in screen
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        os.close(ours)
