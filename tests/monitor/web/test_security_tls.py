"""Certificates, ours and those of clients, and how they change while we run."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.web import serve
from tests.fixtures.certificates import Authority, Pair
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until
from tests.fixtures.website import Website, website, write

HERE = "DNS:localhost,IP:127.0.0.1"


@pytest.fixture
def curl(tool: Tool) -> Path:
    return tool("curl")


@pytest.fixture
def authority(tmp_path: Path, tool: Tool) -> Authority:
    return Authority(tmp_path / "authority", tool("openssl"))


@pytest.fixture
def configured(authority: Authority, tmp_path: Path) -> Callable[..., Path]:
    """Writes a web config file with a certificate of ours, and what else is given."""
    authority.issue("server", HERE)

    def one(**tls: Any) -> Path:
        pair = {"cert_file": "authority/server.pem", "key_file": "authority/server.key"}
        return write(tmp_path / "web.yml", {"tls_server_config": pair | tls})

    return one


def trusting(authority: Authority) -> tuple[str | Path, ...]:
    return ("--cacert", authority.certificate)


def showing(pair: Pair) -> tuple[str | Path, ...]:
    return ("--cert", pair.certificate, "--key", pair.key)


def answers(site: Website, *arguments: str | Path) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return (await site.curl("/healthz", *arguments)).status == 200

    return asked


def refuses(site: Website, *arguments: str | Path) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return (await site.curl("/healthz", *arguments)).status == 0

    return asked


Configured = Callable[..., Path]


async def test_pages_come_over_tls_alone(
    curl: Path, authority: Authority, configured: Configured
) -> None:
    """Who trusts the authority gets them; plain HTTP gets nothing; `/sd` says https."""
    async with website(curl, configured()) as site:
        answer = await site.curl("/sd", *trusting(authority))
        assert answer.status == 200
        assert '"__scheme__": "https"' in answer.text
        assert "SSL certificate" in (await site.curl("/sd")).failure
        reader, writer = await site.connect()
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: vigil\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert b"pg" not in await reader.read()
        writer.close()


@pytest.mark.parametrize(("spoken", "other"), [("1.2", "1.3"), ("1.3", "1.2")])
async def test_versions_are_bounded(
    curl: Path, authority: Authority, configured: Configured, spoken: str, other: str
) -> None:
    """Both ends are kept."""
    named = f"TLS{spoken.replace('.', '')}"
    file = configured(min_version=named, max_version=named)

    def only(one: str) -> tuple[str | Path, ...]:
        return (*trusting(authority), f"--tlsv{one}", "--tls-max", one)

    async with website(curl, file) as site:
        assert (await site.curl("/healthz", *only(spoken))).status == 200
        assert (await site.curl("/healthz", *only(other))).status == 0


async def test_a_handshake_that_never_begins_is_let_go(
    curl: Path,
    authority: Authority,
    configured: Configured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection without a TLS handshake is closed after seconds."""
    monkeypatch.setattr(serve, "HANDSHAKE", 0.2)
    async with website(curl, configured()) as site:
        reader, writer = await site.connect()
        assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()
        assert (await site.curl("/healthz", *trusting(authority))).status == 200


async def test_clients_show_a_certificate(
    curl: Path, authority: Authority, configured: Configured, tmp_path: Path
) -> None:
    """One of the named authority, with an allowed name, and nothing else."""
    strange = Authority(tmp_path / "strange", authority.openssl)
    names = ("scraper.example.org", "2001:db8::1")
    mutual = {
        "client_ca_file": "authority/authority.pem",
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_allowed_sans": list(names),
    }
    async with website(curl, configured(**mutual)) as site:
        welcome = authority.issue("welcome", "DNS:scraper.example.org")
        by_address = authority.issue("address", "IP:2001:db8:0:0:0:0:0:1")
        for pair in (welcome, by_address):
            assert (await site.curl("/", *trusting(authority), *showing(pair))).status == 200
        unnamed = authority.issue("unnamed", "DNS:other.example.org")
        forged = strange.issue("forged", "DNS:scraper.example.org")
        for shown in ((), showing(unnamed), showing(forged)):
            answer = await site.curl("/", *trusting(authority), *shown)
            assert answer.status == 0
            assert "pgvigil" not in answer.text


async def test_a_certificate_may_be_left_out_where_it_is_optional(
    curl: Path, authority: Authority, configured: Configured, tmp_path: Path
) -> None:
    """But one that is shown must be right."""
    strange = Authority(tmp_path / "strange", authority.openssl)
    optional = {
        "client_ca_file": "authority/authority.pem",
        "client_auth_type": "VerifyClientCertIfGiven",
    }
    async with website(curl, configured(**optional)) as site:
        forged = strange.issue("forged", "DNS:localhost")
        assert (await site.curl("/", *trusting(authority))).status == 200
        assert (await site.curl("/", *trusting(authority), *showing(forged))).status == 0


async def test_a_new_certificate_needs_no_restart(
    curl: Path, authority: Authority, configured: Configured, tmp_path: Path
) -> None:
    """Half of a new pair leaves the old one in force; the whole of it takes over."""
    successor = Authority(tmp_path / "successor", authority.openssl)
    new, old = successor.issue("server", HERE), authority.pair("server")
    async with website(curl, configured()) as site:
        assert (await site.curl("/healthz", *trusting(authority))).status == 200
        old.certificate.write_bytes(new.certificate.read_bytes())

        async def refused() -> bool:
            return not site.web.security.up_to_date

        await until(refused, "half a pair is seen")
        assert (await site.curl("/healthz", *trusting(authority))).status == 200
        old.key.write_bytes(new.key.read_bytes())
        await until(answers(site, *trusting(successor)), "the new pair is in force")
        assert site.web.security.up_to_date
        assert (await site.curl("/healthz", *trusting(authority))).status == 0


async def test_demands_on_clients_need_no_restart(
    curl: Path, authority: Authority, configured: Configured, tmp_path: Path
) -> None:
    """Asked for a certificate from now on; then for one of another authority."""
    successor = Authority(tmp_path / "successor", authority.openssl)
    trusted = trusting(authority)
    first = showing(authority.issue("client", "DNS:client"))
    second = showing(successor.issue("client", "DNS:client"))
    mutual = {"client_auth_type": "RequireAndVerifyClientCert"}
    async with website(curl, configured()) as site:
        assert (await site.curl("/healthz", *trusted)).status == 200
        configured(client_ca_file="authority/authority.pem", **mutual)
        await until(refuses(site, *trusted), "a certificate is asked for")
        assert (await site.curl("/healthz", *trusted, *first)).status == 200
        configured(client_ca_file=str(successor.certificate), **mutual)
        await until(answers(site, *trusted, *second), "another authority is trusted")
        assert (await site.curl("/healthz", *trusted, *first)).status == 0


async def test_tls_does_not_end_without_a_restart(
    curl: Path, authority: Authority, configured: Configured, tmp_path: Path
) -> None:
    """A file without it is refused: nothing that was sent in secret is suddenly sent openly."""
    async with website(curl, configured()) as site:
        write(tmp_path / "web.yml", {})

        async def refused() -> bool:
            return not site.web.security.up_to_date

        await until(refused, "it is refused")
        assert (await site.curl("/healthz", *trusting(authority))).status == 200
