"""Clients that ask too much, too long or too slowly: an answer or an end, and others don't wait."""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import bcrypt
import pytest
import yaml

from monitor.loop_errors import LoopErrors
from monitor.web.security import connection, guard
from monitor.web.security.guard import LARGEST_HEAD, LONGEST_URL
from monitor.web.serve import BACKLOG
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until
from tests.fixtures.website import Website, website

DEADLINE = 60


@pytest.fixture
def curl(tool: Tool) -> Path:
    return tool("curl")


async def test_a_request_has_its_limits(curl: Path) -> None:
    """A long address, large headers, a body: each is refused by its own status."""
    async with website(curl) as site:
        long = "/findings?" + "x" * LONGEST_URL
        assert (await site.curl(long)).status == 414
        assert (await site.curl(long[:LONGEST_URL])).status == 200
        large = ("-H", "X-Large: " + "x" * LARGEST_HEAD)
        assert (await site.curl("/metrics", *large)).status in (400, 431)
        assert (await site.curl("/metrics", "-H", "X-Large: " + "x" * 8192)).status == 200
        for body in (("--data", "x"), ("--data", "x", "-H", "Transfer-Encoding: chunked")):
            for method in ("GET", "POST"):
                answer = await site.curl("/metrics", "-X", method, *body)
                assert answer.status == 413
                assert "connection: close" in answer.text.lower()


async def test_headers_in_one_piece_are_measured_too(curl: Path) -> None:
    """The parser counts what is incomplete; what arrives whole is counted by us."""
    async with website(curl) as site:
        reader, writer = await site.connect()
        lines = "".join(f"X-{n}: {'x' * 100}\r\n" for n in range(200))
        writer.write(f"GET /metrics HTTP/1.1\r\nHost: vigil\r\n{lines}\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), DEADLINE)
        writer.close()
    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


FIXED = ("content-security-policy", "x-content-type-options: nosniff", "x-frame-options: deny")


async def test_refusals_have_the_security_headers(curl: Path, tmp_path: Path) -> None:
    """401, 413, 414, 429, 431 and what is not HTTP, like every page; those of the file too."""
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    file = tmp_path / "web.yml"
    rate = {"interval": "1h", "burst": 2}
    own = {"headers": {"Strict-Transport-Security": "max-age=1"}}
    content = {"basic_auth_users": {"ann": hashed}, "rate_limit": rate, "http_server_config": own}
    file.write_text(yaml.safe_dump(content))
    many = [part for n in range(200) for part in ("-H", f"X-{n}: {'x' * 100}")]
    asked: list[tuple[int, tuple[str, ...]]] = [
        (401, ("/metrics",)),
        (413, ("/metrics", "--data", "x")),
        (414, ("/metrics?" + "x" * LONGEST_URL,)),
        (200, ("/metrics", "--user", "ann:secret")),
        (429, ("/metrics",)),
        (431, ("/metrics", *many)),
    ]
    async with website(curl, file) as site:
        for status, (path, *arguments) in asked:
            answer = await site.curl(path, *arguments)
            assert answer.status in (status, 400 if status == 431 else status)
            for header in (*FIXED, "strict-transport-security: max-age=1"):
                assert answer.text.lower().count(header) == 1, (status, header)
        refused = (await ended(site, b"no HTTP\r\n\r\n")).lower()
        assert refused.startswith(b"http/1.1 400")
        assert all(header.encode() in refused for header in FIXED)


async def test_out_of_descriptors_is_one_log_line(
    curl: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """However many connections wait; once there are descriptors again, they are answered."""
    errors, told, taken = LoopErrors(), 0, []

    def count(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        nonlocal told
        told += 1
        errors(loop, context)

    async with website(curl) as site:
        asyncio.get_running_loop().set_exception_handler(count)
        client = socket.socket()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 20, limits[1]))
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.dup(client.fileno()))
            client.connect(("127.0.0.1", site.port))
            await until(lambda: asyncio.sleep(0, told > 0), "it is out of descriptors")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for one in taken:
                os.close(one)
        reader, writer = await asyncio.open_connection(sock=client)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: vigil\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), DEADLINE)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert 0 < told <= BACKLOG
    assert capsys.readouterr().out.count("error in the event loop") == 1


async def ended(site: Website, *pieces: bytes) -> bytes:
    """What is answered to those pieces until the connection ends."""
    reader, writer = await site.connect()
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), DEADLINE)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_an_endless_body_is_not_awaited(curl: Path) -> None:
    """The answer comes before the body would, and with it the end."""
    async with website(curl) as site:
        head = b"POST /metrics HTTP/1.1\r\nHost: vigil\r\nContent-Length: 1000000000\r\n\r\n"
        assert (await ended(site, head)).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "pieces", [(), (b"GET /metrics HT",), (b"GET /healthz HTTP/1.1\r\nHost: vigil\r\n\r\nGET",)]
)
async def test_a_request_that_does_not_end_is_let_go(
    curl: Path, monkeypatch: pytest.MonkeyPatch, pieces: tuple[bytes, ...]
) -> None:
    """A connection without a complete request is closed after seconds."""
    monkeypatch.setattr(connection, "HEAD", 0.2)
    async with website(curl) as site:
        await ended(site, *pieces)
        assert (await site.curl("/healthz")).status == 200


async def test_a_kept_connection_is_no_slow_one(
    curl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus comes again on the same connection, long after the deadline of a request."""
    monkeypatch.setattr(connection, "HEAD", 0.2)
    async with website(curl) as site:
        reader, writer = await site.connect()
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: vigil\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"alive.\n"), DEADLINE)
            assert head.startswith(b"HTTP/1.1 200")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.5)
        writer.close()


def connections(site: Website, number: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return len(site.web.server.server_state.connections) == number

    return reached


async def test_who_does_not_read_is_let_go(curl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer larger than all buffers is not kept for somebody who doesn't take it."""
    monkeypatch.setattr(connection, "STALLED", 0.2)
    async with website(curl) as site:
        page = site.web.store.page()
        page.body = page.body * 5000
        _, writer = await site.connect()
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: vigil\r\n\r\n")
        await until(connections(site, 1), "it is connected")
        await until(connections(site, 0), "it is let go")
        writer.close()


async def test_with_many_connections_only_probes_are_answered(
    curl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 in a sentence, with the headers of every answer; the kubelet sees a live process."""
    monkeypatch.setattr(guard, "CONNECTIONS", 3)
    async with website(curl) as site:
        held = [await site.connect() for _ in range(2)]
        await until(connections(site, 2), "both are connected")
        refused = await site.curl("/metrics")
        assert refused.status == 503
        assert "try again later" in refused.text
        assert all(refused.text.lower().count(header) == 1 for header in FIXED)
        assert (await site.curl("/healthz")).status == 200
        for _, writer in held:
            writer.close()
            await writer.wait_closed()


async def test_too_many_connections_leave_room(curl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those above the limit are closed at once; when some end there is room again."""
    monkeypatch.setattr(connection, "CONNECTIONS", 3)
    async with website(curl) as site:
        held = [await site.connect() for _ in range(3)]
        await until(connections(site, 3), "all are connected")
        assert (await site.curl("/healthz")).status == 0
        for _, writer in held:
            writer.close()
            await writer.wait_closed()

        async def answers() -> bool:
            return (await site.curl("/healthz")).status == 200

        await until(answers, "there is room again")
