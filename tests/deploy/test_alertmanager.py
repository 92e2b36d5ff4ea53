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
from alerts.prometheus.rule import alert_name
from tests.fixtures.programs import Program
from tests.fixtures.prometheus import free_address
from tests.fixtures.requirements import Tool
from tests.fixtures.smtp_server import SmtpServer, smtp_server
from tests.fixtures.until import until
from tests.fixtures.webhook import WebhookReceiver, webhook_receiver

FOLDER = Path(__file__).parents[2] / "deploy" / "alertmanager"
CONFIG = FOLDER / "alertmanager.yml"
TEMPLATES = FOLDER / "templates"

CURE = "/* Ask first. */ SELECT pg_terminate_backend(4711);"
HOSTILE = 'public.<b>"o`rders"</b> & co'
SAFE = 'public.&lt;b&gt;"o\'rders"&lt;/b&gt; &amp; co'
"""The same for Slack, which reads <!channel> as a call to everybody."""
SUMMARY = f"Idle in transaction on shop-1: {HOSTILE} (15m 3s)"
SENTENCE = f"{HOSTILE} has been silent for 15 min 3 s. Since 2026-03-01 02:40 UTC."
SILENT: dict[str, Any] = {
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
        "description": f"{SENTENCE}\nIt keeps its locks.",
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


@pytest.mark.parametrize(
    ("severity", "finding", "group", "waits"),
    [
        (
            "critical",
            "lock_blocker_root",
            ["namespace", "job", "server", "finding", "database", "incident"],
            ("10s", "15s", "4h"),
        ),
        ("critical", "", ["alertname", "namespace", "job", "server"], ("10s", "1m", "4h")),
        ("warning", "lock_blocker_root", ["namespace", "job", "server"], ("1m", "5m", "1d")),
        ("info", "table_bloat", ["namespace", "job", "server"], ("10m", "12h", "7d")),
    ],
)
def test_what_is_one_message(
    severity: str, finding: str, group: list[str], waits: tuple[str, ...]
) -> None:
    """A critical incident is one of its own, since a pager keeps one page for each group."""
    ours = yaml.safe_load(CONFIG.read_text())["route"]["routes"][0]
    of_severity = [r for r in ours["routes"] if f'severity="{severity}"' in r["matchers"]]
    route = next(r for r in of_severity if finding or 'finding!=""' not in r["matchers"])
    assert route.get("group_by", ours["group_by"]) == group
    times = (route[name] for name in ("group_wait", "group_interval", "repeat_interval"))
    assert tuple(times) == waits


Render = Callable[..., str]


@pytest.fixture
def render(tool: Tool, tmp_path: Path) -> Render:
    """Fills in a template as amtool does, from data laid out as Alertmanager's own."""

    def fill(name: str, *others: dict[str, Any], status: str = "firing", kind: str = "text") -> str:
        times = {"startsAt": "2026-03-01T02:55:00Z", "endsAt": "2026-03-01T03:20:00Z"}
        alerts = [{"status": status, **times, **one} for one in (*others, SILENT)]
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
    assert f"{SUMMARY} (critical)" in text
    assert SENTENCE in text
    assert f"Cure: {CURE}" in text
    assert "What to do: https://runbooks.example.org/idle_in_transaction" in text


def test_title_and_count_are_of_what_fires(render: Render) -> None:
    """What is over stands first in a group, and is neither the title nor counted."""
    over = {**SILENT, "annotations": {"summary": "Old."}, "status": "resolved"}
    for name in ("pgvigil.title", "pgvigil.slack.title"):
        assert render(name, over).strip().startswith("critical: Idle in transaction on shop-1")
        assert "more" not in render(name, over)
        assert "(and 1 more)" in render(name, over, SILENT)
    assert render("pgvigil.runbook", over).strip() == SILENT["annotations"]["runbook_url"]
    assert "Over since 2026-03-01 03:20 UTC: Old." in render("pgvigil.text", over)


@pytest.mark.parametrize("name", ["pgvigil.text", "pgvigil.slack", "pgvigil.email"])
def test_cure_says_how_to_run_it(name: str, render: Render) -> None:
    """In which database, and that VACUUM can't share a -c with anything else."""
    cured = SILENT["annotations"] | {"cure": "SET lock_timeout = 0; VACUUM t; RESET lock_timeout;"}
    vacuum = {**SILENT, "labels": {**SILENT["labels"], "database": "app"}, "annotations": cured}
    text = render(name, vacuum)
    assert "Cure, in database app (paste it into psql or give it to psql on standard input" in text
    assert render(name).count("standard input") == 0


def test_watchdogs_say_since_when(render: Render) -> None:
    """No sentence of a finding tells it there."""
    labels = {k: v for k, v in SILENT["labels"].items() if k != "finding"}
    assert "(critical, since 2026-03-01 02:55 UTC)" in render(
        "pgvigil.text", {**SILENT, "labels": labels}
    )


def test_slack_offers_no_cure_that_it_would_change(render: Render) -> None:
    """A backtick is shown as another character: the name would be another one."""
    hostile = SILENT["annotations"] | {"cure": 'DROP INDEX "a`b";'}
    text = render("pgvigil.slack", {**SILENT, "annotations": hostile})
    assert "DROP INDEX" not in text
    assert "behind the link" in text


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

    slack: WebhookReceiver
    pagerduty: WebhookReceiver
    mail: SmtpServer


@pytest.fixture
def world() -> Iterator[World]:
    with webhook_receiver() as slack, webhook_receiver() as pagerduty, smtp_server() as mail:
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


def started(
    tool: Tool, launch: Callable[..., Program], workplace: Path, world: World
) -> tuple[str, Program]:
    """Alertmanager with the example, and its address."""
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
    return address, program


@pytest.mark.parametrize(
    ("cause", "effect", "is_inhibited"), [("c1", "c1", True), ("c1", "c2", False), ("", "", False)]
)
async def test_culprits_that_are_not_known_are_not_the_same(
    tool: Tool,
    launch: Callable[..., Program],
    workplace: Path,
    world: World,
    cause: str,
    effect: str,
    is_inhibited: bool,
) -> None:
    """To Alertmanager a label that both lack is equal."""
    address, program = started(tool, launch, workplace, world)
    ends = (("lock_queue_ddl", cause), ("lock_wait_long", effect))
    alerts = [
        with_labels(alertname=alert_name(name), finding=name, database="shop", incident=name)
        for name, _ in ends
    ]
    for alert, (_, culprit) in zip(alerts, ends, strict=True):
        alert["labels"] |= {"culprit": culprit} if culprit else {}
    async with httpx2.AsyncClient(trust_env=False, base_url=f"http://{address}") as http:

        async def shown() -> dict[str, Any]:
            try:
                await http.post("/api/v2/alerts", json=alerts)
                found = (await http.get("/api/v2/alerts")).json()
            except httpx2.TransportError:
                return {}
            states = {one["labels"]["finding"]: one["status"] for one in found}
            processed = all(one["state"] != "unprocessed" for one in states.values())
            return states if len(states) == len(ends) and processed else {}

        states = await until(shown, f"both alerts are there\n{program.output()}")
    assert bool(states["lock_wait_long"]["inhibitedBy"]) is is_inhibited
    assert not states["lock_queue_ddl"]["inhibitedBy"]


async def test_real_alertmanager_says_all(
    tool: Tool, launch: Callable[..., Program], workplace: Path, world: World
) -> None:
    """Evidence and cure reach Slack, PagerDuty and the mailbox, once each, and the all-clear."""
    address, program = started(tool, launch, workplace, world)
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
            return all(
                (world.slack.notifications, world.pagerduty.notifications, world.mail.messages)
            )

        async def cleared() -> bool:
            return len(world.slack.notifications) >= 2

        await until(posted, "Alertmanager takes alerts")
        await until(rung, f"everybody hears of it\n{program.output()}")
        over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        await http.post("/api/v2/alerts", json=[{**alert, "endsAt": over} for alert in alerts])
        await until(cleared, f"Slack hears the all-clear\n{program.output()}")
    assert_slack(*(call["attachments"][0] for call in world.slack.notifications))
    assert_page(world.pagerduty.notifications[0])
    assert_message(world.mail.messages[0])


def with_labels(**labels: str) -> dict[str, Any]:
    return {**SILENT, "labels": {**SILENT["labels"], **labels}}


def assert_slack(shown: Any, cleared: Any) -> None:
    title = f"Idle in transaction on shop-1: {SAFE} (15m 3s)"
    assert shown["title"] == shown["fallback"] == f"critical: {title}"
    assert f"*{title}*" in shown["text"]
    assert f"{SAFE} has been silent for 15 min 3 s." in shown["text"]
    assert f"Cure: {CURE}" in shown["text"]
    assert shown["color"] == "danger"
    assert cleared["color"] == "good"


def assert_page(page: Any) -> None:
    assert page["payload"]["severity"] == "critical"
    assert page["payload"]["component"] == "shop-1"
    assert CURE in page["payload"]["custom_details"]["what"]
    assert HOSTILE in page["payload"]["custom_details"]["what"]
    assert page["client_url"] == "https://runbooks.example.org/idle_in_transaction"


def assert_message(letter: EmailMessage) -> None:
    assert letter["Subject"] == f"info: {SUMMARY}"
    assert letter["To"] == "databases@example.org"
    for form in ("plain", "html"):
        body = letter.get_body((form,))
        assert body is not None
        assert CURE in body.get_content()
        assert (HOSTILE in body.get_content()) is (form == "plain")
