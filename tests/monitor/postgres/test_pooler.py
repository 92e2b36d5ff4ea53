"""A pooler in between is refused with one sentence: its server sessions are not ours to set up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.postgres.session_settings import own_settings
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.programs import Program
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until

PORT = 6432
POOLER = """
[databases]
* = host={socket} port={port} user={user}
[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
listen_port = {listen}
auth_type = any
pool_mode = transaction
ignore_startup_parameters = {ignored}
"""


@pytest.mark.versions(18)
@pytest.mark.parametrize("ignored", ["", ",".join(own_settings(5, 180000))])
async def test_a_pooler_is_refused(
    ignored: str,
    private_server: PrivateServers,
    watch: Watch,
    tool: Tool,
    launch: Callable[..., Program],
    workplace: Path,
) -> None:
    """Whether it refuses our settings or drops them: we say to connect to PostgreSQL itself."""
    server = private_server()
    config = workplace / "pgbouncer.ini"
    config.write_text(
        POOLER.format(
            socket=server.folder,
            port=server.port,
            user=MONITOR,
            folder=workplace,
            listen=PORT,
            ignored=ignored or "extra_float_digits",
        )
    )
    pooler = launch([tool("pgbouncer"), config])

    async def listens() -> bool:
        return "process up" in pooler.output()

    await until(listens, "pgbouncer listens")
    watched = await watch(f"postgresql://{MONITOR}@/postgres?host={workplace}&port={PORT}")
    await until(watched.is_down, "it is refused")
    assert watched.standing is not None
    assert watched.standing.cause == "pooler"

    async def is_found() -> bool:
        return bool(watched.verdict("server_unreachable").subjects)

    await until(is_found, "that is a finding")
    [subject] = watched.verdict("server_unreachable").subjects
    assert "pooler" in subject.evidence.message
