"""Stopping the daemon waits for no look at its servers."""

import asyncio

import pytest

from monitor.config.configuration import configuration
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.daemon import Daemon
from monitor.demo.launcher import free_port
from monitor.fleet import Fleet
from tests.fixtures.until import until


async def test_it_stops_while_an_overview_is_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never ends, as on a machine without time for 200 servers."""
    begun = asyncio.Event()

    async def never_ends(fleet: Fleet, names: object = None) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Fleet, "written_views", never_ends)
    monkeypatch.setattr("monitor.daemon.settle", lambda: None)
    flags = {"dsn": "host=127.0.0.1 port=1 user=u", "listen": f"127.0.0.1:{free_port()}"}
    known = configuration(load(flags, {}, settings_type()), {})
    daemon = Daemon(known, load=lambda: known)
    run = asyncio.create_task(daemon.run())

    async def is_looking() -> bool:
        return begun.is_set()

    await until(is_looking, "an overview is being made")
    daemon.stopping.set()
    await asyncio.wait_for(run, 60)
    assert daemon.overview.stopping
