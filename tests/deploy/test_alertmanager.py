"""The example for Alertmanager sends each alert where it belongs, once, with all that helps."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from alerts.prometheus.inhibitions import inhibitions
from tests.fixtures.programs import Program
from tests.fixtures.prometheus import free_address
from tests.fixtures.requirements import Tool
from tests.fixtures.smtp_server import Postbox, postbox
from tests.fixtures.until import until
from tests.fixtures.webhook import Telephone, telephone

FOLDER = Path(__file__).parents[2] / "deploy" / "alertmanager"
CONFIG = FOLDER / "alertmanager.yml"
TEMPLATES = FOLDER / "templates"

CURE = "/* Ask first. */ SELECT pg_terminate_backend(4711);"
HOSTILE = 'public.<b>"o`rders"</b> & co'
SAFE = 'public.&lt;b&gt;"o\'rders"&lt;/b&gt; &amp; co'
"""The same for Slack, which reads <!channel> as a call to everybody."""
SUMMARY = f"Idle in transaction on shop-1: {HOSTILE} (15m 3s)"
SILENT = {
    "labels": {
        "alertname": "PgvigilIdleInTransaction",
        "finding": "idle_in_transaction",
        "severity": "critical",
        "server": "shop-1",
        "job": "pgvigil",
        "namespace": "shop",
    },
    "annotations": {
        "summary": SUMMARY,
        "description": f"It keeps its locks.\nWorst:\n- {HOSTILE}: 15m 3s",
        "cure": CURE,
        "runbook_url": "https://runbooks.example.org/idle_in_transaction",
    },
}


def amtool(tool: Tool, *arguments: str | Path) -> str:
    done = subprocess.run([tool("amtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_configuration_is_clean(tool: Tool) -> None:
    """Alertmanager's own check accepts the example, its templates and what is generated into it."""
    assert f"{len(list(inhibitions()))} inhibit rules" in amtool(tool, "check-config", CONFIG)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=PgvigilServerUnreachable severity=critical server=a", "on-call"),
        ("alertname=PgvigilDaemonGone severity=critical", "on-call"),
        ("alertname=PgvigilTableBloat severity=warning server=a", "team"),
        ("alertname=PgvigilTableBloat severity=info server=a", "housekeeping"),
        ("alertname=NodeDown severity=critical", "team"),
    ],
)
def test_severity_decides_who_hears_of_it(labels: str, receiver: str, tool: Tool) -> None:
    """Critical wakes somebody, a warning waits for the team, information comes by mail."""
    routed = amtool(
        tool,
        *("config", "routes", "test", f"--config.file={CONFIG}"),
        *(f"--verify.receivers={receiver}", *labels.split()),
    )
    assert routed.strip() == receiver


def test_one_message_for_a_server(tool: Tool) -> None:
    """All of our routes put together what is wrong with one server, and nothing else."""
    shown = amtool(tool, "config", "routes", "show", f"--config.file={CONFIG}")
    assert shown
    ours = yaml.safe_load(CONFIG.read_text())["route"]["routes"][0]
    assert ours["group_by"] == ["namespace", "job", "server"]
    assert not any("group_by" in route for route in ours["routes"])


Render = Callable[..., str]


@pytest.fixture
def render(tool: Tool, tmp_path: Path) -> Render:
    """Fills in a template as amtool does, from data laid out as Alertmanager's own."""

    def fill(name: str, *, status: str = "firing", kind: str = "text") -> str:
        times = {"startsAt": "2026-03-01T02:55:00Z", "endsAt": "2026-03-01T03:20:00Z"}
        alerts = [{"status": status, **SILENT, **times}]
        file = tmp_path / "data.json"
        file.write_text(
            json.dumps({"status": status, "alerts": alerts, "commonLabels": SILENT["labels"]})
        )
        return amtool(
            tool,
            *("template", "render", f"--template.glob={TEMPLATES}/*.tmpl"),
            *(f"--template.type={kind}", f'--template.text={{{{ template "{name}" . }}}}'),
            f"--template.data={file}",
        )

    return fill


def test_text_has_evidence_and_cure(render: Render) -> None:
    """The message alone says who is ill, how badly, what cures it, and where to read on."""
    text = render("pgvigil.text")
    assert f"{SUMMARY} (critical, since 2026-03-01 02:55 UTC)" in text
    assert f"- {HOSTILE}: 15m 3s" in text
    assert f"Cure: {CURE}" in text
    assert "What to do: https://runbooks.example.org/idle_in_transaction" in text


def test_mail_shows_names_as_they_are(render: Render) -> None:
    """Whatever an object is called, it is text in the mail and never markup."""
    mail = render("pgvigil.email", kind="html")
    assert "<b>" not in mail
    assert "public.&lt;b&gt;" in mail
    assert CURE in mail
    assert 'href="https://runbooks.example.org/idle_in_transaction"' in mail


def test_all_clear_is_short(render: Render) -> None:
    """When it is over, the message says since when, and offers no cure any more."""
    text = render("pgvigil.text", status="resolved")
    assert text.strip() == f"Over since 2026-03-01 03:20 UTC: {SUMMARY}"
    title = render("pgvigil.title", status="resolved")
    assert title.strip() == f"Over: {SUMMARY}"


@dataclass(frozen=True, slots=True)
class World:
    """Where Slack, PagerDuty and the mail server are in these tests."""

    slack: Telephone
    pagerduty: Telephone
    mail: Postbox


@pytest.fixture
def world() -> Iterator[World]:
    with telephone() as slack, telephone() as pagerduty, postbox() as mail:
        yield World(slack, pagerduty, mail)


def impatient(config: dict[str, Any], world: World, folder: Path) -> str:
    """The example, except for where the world is and how long it waits for company."""
    for name, text in (("slack-url", world.slack.address), ("pagerduty-key", "k" * 32)):
        (folder / name).write_text(text)
    config["global"] = {
        "slack_api_url_file": str(folder / "slack-url"),
        "pagerduty_url": world.pagerduty.address,
        "smtp_from": config["global"]["smtp_from"],
        "smtp_smarthost": world.mail.address,
        "smtp_require_tls": False,
    }
    config["receivers"][0]["pagerduty_configs"][0]["routing_key_file"] = str(
        folder / "pagerduty-key"
    )
    config["templates"] = [f"{TEMPLATES}/*.tmpl"]
    for route in config["route"]["routes"][0]["routes"]:
        route |= {"group_wait": "1s", "group_interval": "1s"}
    return json.dumps(config)  # JSON is YAML


async def test_real_alertmanager_says_all(
    tool: Tool, launch: Callable[..., Program], workplace: Path, world: World
) -> None:
    """Evidence and cure reach Slack, PagerDuty and the mailbox, once each, and the all-clear."""
    (workplace / "alertmanager.yml").write_text(
        impatient(yaml.safe_load(CONFIG.read_text()), world, workplace)
    )
    address, storage = free_address(), workplace / "storage"
    storage.mkdir()
    storage.chmod(0o777)
    program = launch(
        [
            tool("prometheus-alertmanager"),
            f"--config.file={workplace}/alertmanager.yml",
            f"--storage.path={storage}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
        ]
    )
    milder = with_labels(severity="warning")
    note = with_labels(severity="info", alertname="PgvigilTableBloat", finding="table_bloat")
    alerts = [SILENT, milder, note]
    async with httpx2.AsyncClient(trust_env=False, base_url=f"http://{address}") as http:

        async def posted() -> bool:
            try:
                answer = await http.post("/api/v2/alerts", json=alerts)
            except httpx2.TransportError:
                return False
            return answer.status_code == 200

        async def rung() -> bool:
            return all((world.slack.calls, world.pagerduty.calls, world.mail.letters))

        async def cleared() -> bool:
            return len(world.slack.calls) >= 2

        await until(posted, "Alertmanager takes alerts")
        await until(rung, f"everybody hears of it\n{program.output()}")
        over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        await http.post("/api/v2/alerts", json=[{**alert, "endsAt": over} for alert in alerts])
        await until(cleared, f"Slack hears the all-clear\n{program.output()}")
    assert_slack(*(call["attachments"][0] for call in world.slack.calls))
    assert_page(world.pagerduty.calls[0])
    assert_letter(world.mail.letters[0])


def with_labels(**labels: str) -> dict[str, Any]:
    return {**SILENT, "labels": {**SILENT["labels"], **labels}}


def assert_slack(shown: Any, cleared: Any) -> None:
    title = f"Idle in transaction on shop-1: {SAFE} (15m 3s)"
    assert shown["title"] == shown["fallback"] == f"critical: {title}"
    assert f"*{title}*" in shown["text"]
    assert f"- {SAFE}: 15m 3s" in shown["text"]
    assert f"Cure: {CURE}" in shown["text"]
    assert shown["color"] == "danger"
    assert cleared["color"] == "good"


def assert_page(page: Any) -> None:
    assert page["payload"]["severity"] == "critical"
    assert page["payload"]["component"] == "shop-1"
    assert CURE in page["payload"]["custom_details"]["what"]
    assert HOSTILE in page["payload"]["custom_details"]["what"]
    assert page["client_url"] == "https://runbooks.example.org/idle_in_transaction"


def assert_letter(letter: EmailMessage) -> None:
    assert letter["Subject"] == f"info: {SUMMARY}"
    assert letter["To"] == "databases@example.org"
    for form in ("plain", "html"):
        body = letter.get_body((form,))
        assert body is not None
        assert CURE in body.get_content()
        assert (HOSTILE in body.get_content()) is (form == "plain")
