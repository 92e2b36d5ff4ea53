"""Memory of the daemon that watches the live server: from its state file, or over HTTP."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

from alerts.history.memory import Memory
from alerts.migrations.longest_transactions import ROOM
from alerts.migrations.week_facts import WeekFacts, of_json, remembered_facts
from collectors._base import Absence
from collectors.volumes import Volume
from monitor.clock import Clock
from monitor.config.servers import WatchedServer
from monitor.postgres.first_question import Identity
from monitor.sources.volume_reader import PATIENCE, volume_watch
from monitor.state_file import StateFile

DEADLINE = 10.0
LARGEST = 8 << 20
"""Bytes of an answer."""
NOT_NAMED = (
    "no state_file is configured here; name the daemon that watches the server with --daemon URL"
)


class NotRemembered(Exception):
    """Nothing is remembered of the server; the message is a clause."""


class Nowhere(HTTPRedirectHandler):
    """No redirects: an answer comes from the address that was named."""

    def redirect_request(self, *_: Any) -> None:
        return None


async def remembered(
    daemon: str | None, state_file: Path | None, target: WatchedServer, identity: Identity
) -> WeekFacts:
    """Return what the daemon knows of the database. Raises NotRemembered."""
    if daemon is not None:
        return await asyncio.to_thread(_asked, daemon, target, identity)
    if state_file is None:
        raise NotRemembered(NOT_NAMED)
    volumes, why = await _volumes(target)
    memory = Memory()
    await asyncio.to_thread(StateFile(state_file).read, memory)
    cluster = _cluster(target, identity)
    name = _name(memory, cluster, target.name, state_file)
    return remembered_facts(memory, cluster, name, identity.database, volumes, why)


async def _volumes(target: WatchedServer) -> tuple[Sequence[Volume], str]:
    """Return the file systems of the server's files, or a clause that says why there are none."""
    found: list[Volume] = []
    lacks: list[Absence] = []
    watch = volume_watch(target.data_directory, target.wal_directory, found.extend, lacks.append)
    watch.tick(Clock().now())
    await watch.settled(PATIENCE)
    return found, lacks[-1].reason if lacks else ""


def _cluster(target: WatchedServer, identity: Identity) -> str:
    system = identity.system_identifier or ""
    return f"{system}/{target.cluster}" if system and target.cluster else system


def _name(memory: Memory, cluster: str, name: str, state_file: Path) -> str:
    """Return by which name the state file knows the server: the daemon may call it otherwise."""
    spaces = {space for space, _, _ in memory.everything() if space.room == ROOM}
    names = sorted(space.server for space in spaces if space.cluster == cluster)
    if name in names:
        return name
    if len(names) == 1:
        return names[0]
    raise NotRemembered(f"the state file {state_file} has no hours of this server")


def _asked(daemon: str, target: WatchedServer, identity: Identity) -> WeekFacts:
    if urlsplit(daemon).scheme not in ("http", "https"):
        raise NotRemembered("--daemon takes an address such as http://localhost:19187")
    url = f"{daemon.rstrip('/')}/migrations.json?{urlencode({'database': identity.database})}"
    try:
        with build_opener(Nowhere).open(url, timeout=DEADLINE) as answer:
            told = json.loads(answer.read(LARGEST))
        return of_json(_chosen(told["servers"], target, identity)["facts"])
    except (URLError, OSError) as wrong:
        reason = getattr(wrong, "reason", wrong)
        raise NotRemembered(f"{daemon} does not answer: {reason}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NotRemembered(f"{daemon} answers otherwise than pgvigil does") from None


def _chosen(servers: list[Any], target: WatchedServer, identity: Identity) -> dict[str, Any]:
    """Return the server by its system identifier, and by its name among those of a cluster."""
    system = identity.system_identifier
    same = [one for one in servers if system and one["system_identifier"] == system]
    named = [one for one in same or servers if one["server"] == target.name]
    primaries = [one for one in same if one["role"] == "primary"]
    for found in (named, primaries, same):
        if found and isinstance(found[0], dict):
            return found[0]
    raise NotRemembered(f"the daemon does not watch {target.name}")
