"""A daemon behind TLS, client certificates and passwords: Prometheus and curl come in."""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import httpx2
import pytest

from tests.fixtures.certificates import Authority, Pair
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.programs import Program
from tests.fixtures.prometheus import PGVIGIL, free_address
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until
from tests.fixtures.website import Answer, curl, write

pytestmark = pytest.mark.versions(18)
PASSWORD = "s3cret"
Launch = Callable[..., Program]


@dataclass
class Fortress:
    """A daemon that asks for everything, and those who know the way in."""

    folder: Path
    authority: Authority
    launch: Launch
    tool: Tool
    address: str
    client: Pair

    def web_file(self, **other: Any) -> Path:
        tls = {
            "cert_file": "authority/server.pem",
            "key_file": "authority/server.key",
            "client_ca_file": "authority/authority.pem",
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_allowed_sans": ["scraper.example.org"],
        }
        users = {"prometheus": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()}
        content = {"tls_server_config": tls, "basic_auth_users": users}
        return write(self.folder / "web.yml", content | other)

    def daemon(self, dsn: str) -> Program:
        argv = [PGVIGIL, "run", "--listen", self.address]
        settings = {"PGVIGIL_DSN": dsn, "PGVIGIL_WEB_CONFIG_FILE": str(self.folder / "web.yml")}
        return self.launch(argv, env=settings, as_caller=True)

    async def asked(self, path: str, *arguments: str | Path) -> Answer:
        trusting = ("--cacert", self.authority.certificate)
        return await curl(self.tool("curl"), f"https://{self.address}{path}", *trusting, *arguments)

    @property
    def shown(self) -> tuple[str | Path, ...]:
        return ("--cert", self.client.certificate, "--key", self.client.key)

    @property
    def known(self) -> tuple[str | Path, ...]:
        return (*self.shown, "--user", f"prometheus:{PASSWORD}")

    def scraping(self) -> dict[str, Any]:
        """Arguments of a client with all credentials; tests omit one of them."""
        tls = {
            "ca_file": str(self.authority.certificate),
            "cert_file": str(self.client.certificate),
            "key_file": str(self.client.key),
        }
        login = {"username": "prometheus", "password": PASSWORD}
        here = {"scheme": "https", "static_configs": [{"targets": [self.address]}]}
        return {
            # It is a scrape's deadline too, and none may be lost for the machine's sake.
            "global": {"scrape_interval": "2s"},
            "scrape_configs": [
                {"job_name": "known", "tls_config": tls, "basic_auth": login, **here},
                {"job_name": "nameless", "tls_config": tls, **here},
                {
                    "job_name": "bare",
                    "tls_config": {"ca_file": tls["ca_file"]},
                    "basic_auth": login,
                    **here,
                },
            ],
        }


@pytest.fixture
def fortress(workplace: Path, launch: Launch, tool: Tool) -> Fortress:
    authority = Authority(workplace / "authority", tool("openssl"))
    authority.issue("server", "IP:127.0.0.1")
    client = authority.issue("client", "DNS:scraper.example.org")
    # Prometheus runs as somebody else.
    authority.folder.chmod(0o755)
    client.key.chmod(0o644)
    fortress = Fortress(workplace, authority, launch, tool, free_address(), client)
    fortress.web_file()
    return fortress


@dataclass
class Prometheus:
    address: str

    async def query(self, expression: str) -> dict[str, float]:
        """The value of each job."""
        async with httpx2.AsyncClient(trust_env=False, timeout=120) as http:
            url = f"http://{self.address}/api/v1/query"
            try:
                answer = (await http.get(url, params={"query": expression})).json()
            except httpx2.TransportError:
                return {}
        found = answer["data"]["result"] if answer["status"] == "success" else []
        return {one["metric"]["job"]: float(one["value"][1]) for one in found}


@pytest.fixture
def prometheus(fortress: Fortress) -> Prometheus:
    config, data = fortress.folder / "prometheus.yml", fortress.folder / "tsdb"
    config.write_text(json.dumps(fortress.scraping()))
    data.mkdir()
    data.chmod(0o777)
    one = Prometheus(free_address())
    fortress.launch(
        [
            fortress.tool("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address={one.address}",
        ]
    )
    return one


async def test_prometheus_and_curl_come_in_and_others_do_not(
    fortress: Fortress, prometheus: Prometheus, private_server: PrivateServers
) -> None:
    """With certificate and password; a new certificate of ours costs no scrape."""
    program = fortress.daemon(private_server().dsn(user=MONITOR))

    async def ready() -> bool:
        assert program.running, program.output()
        return (await fortress.asked("/readyz", *fortress.shown)).status == 200

    await until(ready, "it is ready")
    assert "pgvigil_up" in (await fortress.asked("/metrics", *fortress.known)).text
    assert (await fortress.asked("/", *fortress.known)).status == 200
    assert (await fortress.asked("/metrics", *fortress.shown)).status == 401
    assert (await fortress.asked("/metrics", "--user", f"prometheus:{PASSWORD}")).status == 0

    async def scraped() -> bool:
        up = await prometheus.query("up == bool 1 and count_over_time(up[1m]) > 2")
        return up == {"known": 1, "nameless": 0, "bare": 0}

    await until(scraped, "one job is let in, two are not")
    served = presented(fortress)
    fortress.authority.issue("server", "IP:127.0.0.1")

    async def rotated() -> bool:
        return presented(fortress) != served

    await until(rotated, "the new certificate is presented")
    assert presented(fortress) == fortress.authority.pair("server").certificate.read_text()
    scrapes = "count_over_time(up[10m])"
    lost = f"{scrapes} - sum_over_time(up[10m])"
    before, lost_before = (await prometheus.query(scrapes))["known"], await prometheus.query(lost)

    async def scraped_again() -> bool:
        return (await prometheus.query(scrapes))["known"] > before + 2

    await until(scraped_again, "it is scraped with the new certificate")
    assert (await prometheus.query(lost))["known"] == lost_before["known"]
    assert PASSWORD not in program.output()


def presented(fortress: Fortress) -> str:
    """The certificate that the daemon shows, in PEM; a client without one sees that much."""
    host, _, port = fortress.address.partition(":")
    return ssl.get_server_certificate((host, int(port)))


async def test_a_wrong_file_ends_the_start(
    fortress: Fortress, private_server: PrivateServers
) -> None:
    """One sentence that names the field, and exit status 2."""
    fortress.web_file(basic_auth_users={"ann": "plain"})
    program = fortress.daemon(private_server(start=False).dsn(user=MONITOR))
    assert program.process.wait(20) == 2
    [sentence] = program.output().splitlines()
    assert "basic_auth_users.ann: not a bcrypt hash" in sentence
    assert "plain" not in sentence


async def test_a_wrong_file_is_told_while_the_old_one_holds(
    fortress: Fortress, private_server: PrivateServers
) -> None:
    """In the log, and in the metric that a watchdog looks at, until it is right again."""
    program = fortress.daemon(private_server(start=False).dsn(user=MONITOR))

    def says(value: int) -> Callable[[], Any]:
        async def told() -> bool:
            page = (await fortress.asked("/metrics", *fortress.known)).text
            return f"pgvigil_config_last_reload_successful {value}" in page

        return told

    await until(says(1), "it answers")
    fortress.web_file(basic_auth_users={"ann": "plain"})
    await until(says(0), "the wrong file is told")
    assert "basic_auth_users.ann" in program.output()
    fortress.web_file()
    await until(says(1), "it is right again")
