"""A real server on real sockets: where it listens, what it says when it can't, how it stops."""

import asyncio
import contextlib
import signal
import socket
import urllib.request
from collections.abc import AsyncIterator

import pytest

from monitor.config.endpoint import Endpoint, endpoint
from monitor.config.errors import ConfigurationError
from monitor.exposition.store import Store
from monitor.web.serve import Web
from tests.fixtures.overview import overview
from tests.fixtures.until import until

DEADLINE = 60


def web(*listen: str) -> Web:
    store, shown = Store(), overview()
    store.set_own(shown)
    return Web(tuple(map(endpoint, listen)), lambda: shown, store)


@contextlib.asynccontextmanager
async def serving(one: Web) -> AsyncIterator[list[str]]:
    addresses = one.bind()
    running = asyncio.create_task(one.serve())
    try:
        await until(lambda: asyncio.sleep(0, one.server.started), "the server has started")
        yield addresses
    finally:
        await one.stop()
        async with asyncio.timeout(DEADLINE):
            await running


def fetched(url: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        return answer.status, dict(answer.headers), answer.read()


async def test_it_answers_where_it_said() -> None:
    """Port 0 takes a free one, and says which; each address of several answers."""
    async with serving(web("127.0.0.1:0", "localhost:0")) as addresses:
        assert len(addresses) >= 2
        for address in addresses:
            status, headers, body = await asyncio.to_thread(fetched, f"http://{address}/metrics")
            assert status == 200
            assert b"pgvigil_up{" in body
            assert "server" not in {name.lower() for name in headers}


async def test_head_has_no_body() -> None:
    """Just the length that GET would have."""
    async with serving(web("127.0.0.1:0")) as [address]:
        _, headers, body = await asyncio.to_thread(fetched, f"http://{address}/findings", "HEAD")
        assert body == b""
        assert int(headers["content-length"]) > 1000


def ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as one:
        one.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not ipv6(), reason="this machine has no IPv6")
async def test_the_ipv6_wildcard_alone_takes_both() -> None:
    """In a cluster with both kinds of addresses one setting is enough."""
    async with serving(web("[::]:0")) as [address]:
        port = address.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            status, _, _ = await asyncio.to_thread(fetched, f"http://{host}:{port}/healthz")
            assert status == 200


def test_a_taken_address_is_one_sentence() -> None:
    """It names the address and the setting; what was bound before it is given back."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one = web("127.0.0.1:0", f"127.0.0.1:{port}")
        with pytest.raises(ConfigurationError) as wrong:
            one.bind()
    assert str(wrong.value) == (
        f"Can't listen on 127.0.0.1:{port}: address already in use; choose another address"
        " with the setting listen (PGVIGIL_LISTEN, or --listen)."
    )
    assert one.sockets == []


def test_a_host_that_nobody_knows_is_one_sentence() -> None:
    """As for an address that is not ours."""
    for host in ("nowhere.invalid", "192.0.2.250"):
        with pytest.raises(ConfigurationError, match="Can't listen on"):
            web(str(Endpoint(host, 19187))).bind()


async def test_signals_stay_ours() -> None:
    """The daemon decides what SIGTERM means, and when HTTP ends."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    async with serving(web("127.0.0.1:0")):
        assert {number: signal.getsignal(number) for number in before} == before


async def test_a_client_that_does_not_read_holds_nobody_up() -> None:
    """It asks for much and takes nothing: stopping lets go of it, and the port is free again."""
    store = Store()
    store.set_own(overview())
    page = store.page()
    page.body = page.body * 2000
    shown = overview()
    one = Web((Endpoint("127.0.0.1", 0),), lambda: shown, store)
    async with serving(one) as [address]:
        host, _, port = address.rpartition(":")
        slow = socket.create_connection((host, int(port)))
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: vigil\r\n\r\n")
        assert await asyncio.to_thread(slow.recv, 16) == b"HTTP/1.1 200 OK\r"
    slow.close()
    assert not one.server.server_state.connections
    async with serving(web(address)) as again:
        assert again == [address]


async def test_a_kept_connection_holds_nobody_up() -> None:
    """Prometheus keeps its connection between scrapes; an idle one ends at once."""
    one = web("127.0.0.1:0")
    async with serving(one) as [address]:
        host, _, port = address.rpartition(":")
        idle = socket.create_connection((host, int(port)))
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: vigil\r\n\r\n")
        assert await asyncio.to_thread(idle.recv, 8) == b"HTTP/1.1"
    idle.close()
