"""What is answered at every address, and that names are data in all of it."""

import gzip
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.testclient import TestClient

from alerts._base import Evidence
from alerts.verdicts.verdict import Verdict
from collectors._base import Collector, Lane, Metric, gauge
from monitor.defects import DEFECTS
from monitor.exposition.store import Store
from monitor.views.overview import Overview, ServerView
from monitor.web import findings
from monitor.web.app import application
from tests.fixtures.findings import HOSTILE
from tests.fixtures.overview import overview, primary, unreachable

EVIDENCE = [
    "/",
    "/?server=shop",
    "/index",
    "/locks",
    "/waits",
    "/waits.json",
    "/waits/schema.json",
    "/statements",
    "/statements.json",
    "/statements/schema.json",
    "/migrations.json",
    "/findings",
    "/findings/schema.json",
    "/findings/idle_in_transaction",
]
ADDRESSES = [*EVIDENCE, "/metrics", "/sd", "/healthz"]


def browser(shown: Overview, *, pages: bool = True) -> TestClient:
    store = Store()
    store.set_own(shown)
    return TestClient(application(lambda: shown, store, pages=pages), base_url="http://vigil:19187")


@pytest.fixture
def client() -> TestClient:
    return browser(overview())


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_answers_get_and_head_alike(client: TestClient, address: str) -> None:
    """HEAD says what GET would say."""
    got, asked = client.get(address), client.head(address)
    assert (got.status_code, asked.status_code) == (200, 200)
    assert asked.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("address", [*ADDRESSES, "/nowhere"])
def test_nothing_of_elsewhere_is_ever_loaded(client: TestClient, address: str) -> None:
    """Each answer forbids what we did not write, and says nothing of what serves it."""
    headers = client.get(address).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


@pytest.mark.parametrize("address", ["/nowhere", "/findings/", "/findings/nothing", "/metrics/"])
def test_what_is_not_there_is_said_shortly(client: TestClient, address: str) -> None:
    """A line of text, no page and no redirection."""
    answer = client.get(address, follow_redirects=False)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(answer.text) < 100


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_can_be_changed(client: TestClient, address: str, method: str) -> None:
    """There is nothing to write to."""
    assert client.request(method, address).status_code == 405


def test_metrics_are_text_of_the_old_format(client: TestClient) -> None:
    """Under OpenMetrics Prometheus would rename the counters that everybody's panels use."""
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'pgvigil_up{server="shop"} 1\n' in answer.text


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("identity", False),
        ("", False),
        ("gzip;q=nonsense", False),
    ],
)
@pytest.mark.parametrize("address", ["/metrics", "/"])
def test_gzip_is_for_those_who_take_it(
    client: TestClient, address: str, accepted: str, packed: bool
) -> None:
    """`q=0` is a refusal, and a cache in between is told what the answer depends on."""
    answer = client.get(address, headers={"Accept-Encoding": accepted})
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "shop" in answer.text


def test_a_packed_page_is_packed_once() -> None:
    """A second scraper gets the very bytes that were made for the first."""
    shown, store = overview(), Store()
    store.set_own(shown)
    client = TestClient(application(lambda: shown, store))
    for _ in range(2):
        client.get("/metrics", headers={"Accept-Encoding": "gzip"})
    packed = store.page().compressed
    assert packed is not None
    assert gzip.decompress(packed) == store.page().body
    assert store.page().pack() is packed


def test_one_server_alone_is_the_page_of_one_exporter(client: TestClient) -> None:
    """`?server=` serves only that server's lines."""
    shop = client.get("/metrics", params={"server": "shop"}).text
    other = client.get("/metrics", params={"server": HOSTILE}).text
    assert 'server="shop"' in shop
    assert 'server="shop"' not in other
    assert 'server="evil' in other
    assert 'server="evil' not in shop


def test_an_unknown_server_is_refused_in_a_sentence(client: TestClient) -> None:
    """The name asked for is not repeated: it may be anything."""
    answer = client.get("/metrics", params={"server": "<b>other</b>"})
    assert (answer.status_code, answer.text.count(".")) == (404, 1)
    assert "<b>" not in answer.text


def test_discovery_offers_each_server_under_the_address_we_were_asked_at(
    client: TestClient,
) -> None:
    """Prometheus gets one target a server; none carries a `server` label of its own."""
    offered = client.get("/sd").json()
    assert [entry["targets"] for entry in offered] == [["vigil:19187"]] * 3
    assert [entry["labels"] for entry in offered] == [
        {"__param_server": name, "instance": name} for name in ("shop", "shop-b", HOSTILE)
    ]


@pytest.mark.parametrize("host", ['x"><script>', "a b", "[::1", ""])
def test_what_is_no_host_is_not_repeated(client: TestClient, host: str) -> None:
    """A forged Host header does not become a target."""
    assert client.get("/sd", headers={"Host": host}).json()[0]["targets"] == ["vigil:19187"]


def test_liveness_asks_nobody() -> None:
    """With every server gone we are alive: a restart of ours would not bring them back."""
    for address in ("/healthz", "/-/healthy"):
        assert browser(overview(unreachable())).get(address).status_code == 200


def never_asked(view: ServerView) -> ServerView:
    fresh = tuple(replace(one, last_success=None, error=None) for one in view.collectors)
    return replace(view, collectors=fresh, unreachable=None, up=False)


@pytest.mark.parametrize(
    ("shown", "ready"),
    [
        (overview(), True),
        (overview(unreachable()), True),
        (overview(primary(), never_asked(unreachable())), False),
        (Overview(at=0), False),
        (replace(overview(), stopping=True), False),
    ],
    ids=["looked", "failure known", "one not yet", "just started", "stopping"],
)
def test_readiness_waits_for_the_first_look_only(shown: Overview, ready: bool) -> None:
    """Ready means looked at, or known why not; never that a database is up."""
    for address in ("/readyz", "/-/ready"):
        assert browser(shown).get(address).status_code == (200 if ready else 503)


def test_pages_with_evidence_can_be_left_out() -> None:
    """Metrics and probes stay."""
    client = browser(overview(), pages=False)
    answers = {address: client.get(address).status_code for address in ADDRESSES}
    assert {address for address, status in answers.items() if status == 404} == set(EVIDENCE)


class Elements(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize("address", ["/", "/findings/index_unused", "/findings/server_unreachable"])
def test_hostile_names_are_words(client: TestClient, address: str) -> None:
    """No name becomes an element, a handler, an address or an invisible character."""
    page = client.get(address).text
    seen = Elements(page)
    assert seen.names.count("script") == 1
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert "\x1b" not in page
    assert any("evil" in word and "<script>alert(1)</script>" in word for word in seen.words)


def test_no_asset_comes_from_elsewhere(client: TestClient) -> None:
    """Nothing on the page points beyond ourselves."""
    seen = Elements(client.get("/").text)
    addresses = [v or "" for name, v in seen.attributes if name in ("src", "href", "action")]
    assert addresses
    assert all(address.startswith(("/", "#", "data:")) for address in addresses)


def test_facts_have_their_server_where_there_are_several() -> None:
    """The common page tells them apart; the page of one is what one exporter would say."""
    shown, store = overview(), Store()
    store.set_own(shown)
    size: Metric[ServerView] = gauge("pg_size_bytes", "Size.", lambda row: 1)
    store.put("shop", Collector(ServerView, Lane.slow, metrics=(size,)), None, [primary()])
    client = TestClient(application(lambda: shown, store))
    assert 'pg_size_bytes{server="shop"} 1\n' in client.get("/metrics").text
    assert "pg_size_bytes 1\n" in client.get("/metrics", params={"server": "shop"}).text


class Unprintable:
    """A value that no page can show."""

    def __str__(self) -> str:
        raise RuntimeError("planted")


def with_defect() -> Overview:
    """The made-up picture, in which the message of one subject can't be shown."""
    shown = overview()
    view = shown.servers[0]
    ill = next(one for one in view.verdicts.values() if one.subjects)
    bad: Evidence = replace(ill.subjects[0].evidence, message=Unprintable())  # type: ignore[arg-type]
    subjects = (replace(ill.subjects[0], evidence=bad), *ill.subjects[1:])
    verdicts = {**view.verdicts, ill.finding.name: replace(ill, subjects=subjects)}
    return replace(shown, servers=(replace(view, verdicts=verdicts), *shown.servers[1:]))


def test_a_card_that_cannot_be_made_costs_only_itself() -> None:
    shown, before = with_defect(), DEFECTS.counts["page"]
    answer = browser(shown).get("/")
    assert answer.status_code == 200
    assert answer.text.count("This part of the page could not be made") == 1
    assert "Warning <span" in answer.text
    assert DEFECTS.counts["page"] > before


def test_a_verdict_that_cannot_be_written_is_left_out_of_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = overview()
    there = browser(shown).get("/findings").json()["servers"][0]["findings"]
    broken = there[0]["finding"]
    whole = findings._subject

    def fails(verdict: Verdict, *rest: Any) -> Any:
        if verdict.finding.name == broken:
            raise RuntimeError("planted")
        return whole(verdict, *rest)

    monkeypatch.setattr(findings, "_subject", fails)
    left = browser(shown).get("/findings").json()["servers"][0]["findings"]
    assert left == there[1:]


@pytest.mark.parametrize("address", ["/", "/findings", "/locks", "/index"])
def test_a_page_that_cannot_be_made_is_told_in_a_sentence(address: str) -> None:
    """Where the whole picture is broken: 500, with the headers of every answer."""
    shown = replace(overview(), at="broken", servers=None)  # type: ignore[arg-type]
    store = Store()
    client = TestClient(application(lambda: shown, store), base_url="http://vigil:19187")
    answer = client.get(address)
    assert answer.status_code == 500
    assert "defect of pgvigil" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_json_names_the_incident_of_an_alert() -> None:
    """The same 16 digits as the label of the metric; null where no subject has an alert."""
    shown = overview()
    verdicts = browser(shown).get("/findings").json()["servers"][0]["findings"]
    named = {s["incident"] for v in verdicts for s in v["subjects"]} - {None}
    published = set(re.findall(r'incident="([0-9a-f]{16})"', browser(shown).get("/metrics").text))
    assert named
    assert named <= published
