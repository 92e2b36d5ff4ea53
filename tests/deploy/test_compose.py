"""Everything that compose mounts is read by the very programs it is for."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from alerts.prometheus.rulebook import RUNBOOK_BASE
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.servers import watched_servers
from tests.fixtures.postgres import PrivateServers, Psql
from tests.fixtures.programs import Program
from tests.fixtures.prometheus import free_address
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until

DEPLOY = Path(__file__).parents[2] / "deploy"
PROVISIONING = DEPLOY / "grafana" / "provisioning"


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"][name]
    return found


def test_every_mounted_file_is_there() -> None:
    """Each path that compose mounts from this tree exists, and each volume is declared."""
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for one in composed["services"].values():
        for mount in one["volumes"]:
            source = mount.split(":")[0]
            known = (
                (DEPLOY / source).exists() if source[0] == "." else source in composed["volumes"]
            )
            assert known, source


def test_daemon_understands_its_environment() -> None:
    """Every variable is a setting, and the server is the one beside it."""
    environ = {
        name: text.replace("${PGVIGIL_PASSWORD}", "secret")
        for name, text in service("pgvigil")["environment"].items()
    }
    settings = load({}, environ, settings_type())
    [(name, server)] = watched_servers(settings, environ).items()
    assert name == "shop"
    assert server.address.target().hosts == ("postgres",)
    assert str(settings.state_file).startswith(service("pgvigil")["volumes"][0].split(":")[1])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Prometheus's folder as compose puts it together."""
    shutil.copy(DEPLOY / "prometheus" / "prometheus.yml", tmp_path)
    (tmp_path / "rules").mkdir(mode=0o700)
    writer = service("rules")
    subprocess.run(
        [*writer["entrypoint"], *writer["command"]],
        cwd=tmp_path / "rules",
        env={**writer["environment"], "PATH": f"{Path(sys.executable).parent}:{os.defpath}"},
        check=True,
    )
    return tmp_path / "prometheus.yml"


def test_rules_are_readable_and_lead_to_this_machine(config: Path) -> None:
    """They are all of ours, and what they link to opens in the browser beside compose."""
    rules = config.with_name("rules")
    assert rules.stat().st_mode & 0o555 == 0o555
    committed = DEPLOY.parent / "alerts" / "rules"
    assert {one.name for one in rules.iterdir()} == {one.name for one in committed.iterdir()}
    for one in rules.iterdir():
        here = (committed / one.name).read_text().replace(RUNBOOK_BASE, HERE)
        assert one.read_text() == here


HERE = f"http://localhost:{service('pgvigil')['ports'][0].split(':')[1]}/findings"


def test_prometheus_accepts_its_configuration(config: Path, tool: Tool) -> None:
    """Scrapes, rules and Alertmanager: promtool finds nothing wrong, and finds the rules."""
    done = subprocess.run(
        [tool("promtool"), "check", "config", config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(list(config.with_name('rules').iterdir()))} rule files found" in done.stdout


async def test_prometheus_loads_every_rule(
    config: Path, tool: Tool, launch: Callable[..., Program], workplace: Path
) -> None:
    """A real Prometheus starts with that configuration and holds every rule of ours."""
    shutil.copytree(config.parent, workplace / "etc")
    (workplace / "etc").chmod(0o755)
    storage, address = workplace / "tsdb", free_address()
    storage.mkdir()
    storage.chmod(0o777)
    program = launch(
        [
            tool("prometheus"),
            f"--config.file={workplace}/etc/prometheus.yml",
            f"--storage.tsdb.path={storage}",
            f"--web.listen-address={address}",
        ]
    )
    async with httpx2.AsyncClient(trust_env=False, base_url=f"http://{address}") as http:

        async def loaded() -> Any:
            assert program.running, program.output()
            try:
                return (await http.get("/api/v1/rules")).json()["data"]["groups"]
            except (httpx2.TransportError, ValueError):
                return None

        groups = await until(loaded, "Prometheus tells its rules")
    files = config.with_name("rules").iterdir()
    wanted = {
        group["name"] for file in files for group in yaml.safe_load(file.read_text())["groups"]
    }
    assert {group["name"] for group in groups} == wanted


def test_grafana_is_told_of_what_is_there() -> None:
    """The data sources are the services of compose, and dashboards lie where Grafana looks."""
    sources = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())
    hosts = {one["type"]: one["url"] for one in sources["datasources"]}
    assert hosts == {
        "prometheus": "http://prometheus:9090",
        "alertmanager": "http://alertmanager:9093",
    }
    boards = yaml.safe_load((PROVISIONING / "dashboards" / "pgvigil.yml").read_text())
    [provider] = boards["providers"]
    mounts = dict(mount.split(":")[:2] for mount in service("grafana")["volumes"])
    assert mounts["../grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"


@pytest.mark.versions(18)
async def test_role_that_compose_makes(
    private_server: PrivateServers, psql: Psql, tmp_path: Path
) -> None:
    """The scripts of the first start make a role that may log in with the given password."""
    server = private_server(loopback=True)
    await psql(server.dsn(), "CREATE DATABASE shop")
    await psql(server.dsn(), (DEPLOY / "postgres" / "10-role.sql").read_text())
    password = "it's \"p\" & $w \\ :'x"
    script = DEPLOY / "postgres" / "20-password.sh"
    assert os.access(script, os.X_OK)
    process = await asyncio.create_subprocess_exec(
        *("sh", script),
        env={
            "PATH": f"{server.binaries.program('psql').parent}:{os.defpath}",
            "PGHOST": str(server.folder),
            "PGPORT": str(server.port),
            "PGVIGIL_PASSWORD": password,
        },
    )
    assert await process.wait() == 0
    dsn = server.dsn("shop", "pgvigil", tcp=True, password=password)
    granted = "SELECT pg_has_role('pg_monitor', 'member'), count(stawidth) >= 0 FROM pg_statistic"
    assert (await psql(dsn, granted)).strip() == "t|t"
