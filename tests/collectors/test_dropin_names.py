"""Every name that dashboards and rules know from postgres_exporter is on the page of real servers.

A primary with all that can be on it and its standby are watched by the daemon; the page is read as
Prometheus reads it, again and again, until all that is expected of this version was seen.
"""

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerts.prometheus.own_metrics import OWN_METRICS
from collectors._base import AnyCollector, Kind
from collectors._catalogue import all_collectors
from collectors.backup_reports import backup_reports
from collectors.bloat_estimates import bloat_estimates
from collectors.certificate import certificate
from collectors.index_advice import index_advice
from collectors.log_counts import log_counts
from collectors.log_files import log_files
from collectors.plans import plans
from collectors.pooled_sessions import pooled_sessions
from collectors.server_log import server_log
from collectors.volumes import volumes
from collectors.wait_statements import wait_statements
from monitor.demo.launcher import Postgres
from tests.fixtures import full_activity as busy
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR, Farm
from tests.fixtures.postgres import connected
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until

NAMES = Path(__file__).with_name("dropin_names.tsv")
TYPE = re.compile(r"# TYPE (\S+) (\S+)")
SAMPLE = re.compile(r"^(\w+)(\{.*\})? \S+$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')
SUFFIX = re.compile(r"_(bucket|sum|count)$")

RARE = {
    "pg_stat_database_checksum_failures_total": "needs data checksums",
    "pg_stat_database_shared_checksum_failures_total": "needs data checksums",
    "pg_stat_statements_query_id": "is opt-in",
    "pg_collation_library_info": "needs a locale other than C, which not every build has",
    "pg_subscription_unsynchronised_tables": "needs a table that is still being copied",
    "pg_stat_database_checksum_last_failure_timestamp_seconds": "needs a broken page",
}
FOREIGN: Mapping[AnyCollector, str] = {
    backup_reports: "needs reports of a backup tool",
    certificate: "needs TLS",
    index_advice: "needs a login for plans, and HypoPG",
    log_counts: "needs the folder of the log",
    server_log: "needs the folder of the log",
    wait_statements: "is opt-in",
    bloat_estimates: "needs tables and indexes of a megabyte that are analysed",
    volumes: "needs the folder of the data",
    log_files: "needs pg_ls_logdir(), which this monitor was not granted",
    plans: "needs a login for plans",
    pooled_sessions: "needs a pooler that is watched",
}
RARE |= {metric.name: why for one, why in FOREIGN.items() for metric in one.metrics}
MORE_LABELS = {
    "pg_statio_user_indexes_idx_blks_read_total": {"datname"},
    "pg_statio_user_indexes_idx_blks_hit_total": {"datname"},
}
"""Where the indexes of all databases are served, one name alone would be served twice."""
PATIENCE = 240.0
"""Seconds after which what has not been seen is missing; a busy machine takes a minute."""


@dataclass(slots=True)
class Seen:
    """All that was on the pages so far."""

    types: dict[str, str] = field(default_factory=dict)
    labels: dict[str, set[frozenset[str]]] = field(default_factory=dict)
    page: str = ""
    """The newest of the primary."""

    def read(self, page: str) -> None:
        # Parsing takes longer than serving; so only where a page has something new.
        found = dict(TYPE.findall(page))
        if found.keys() <= self.types.keys():
            return
        self.types |= found
        for name, labels in SAMPLE.findall(page):
            if name not in self.types:
                name = SUFFIX.sub("", name)
            self.labels.setdefault(name, set()).add(frozenset(LABEL.findall(labels)) - {"le"})


def expected() -> dict[str, tuple[str, frozenset[str]]]:
    lines = [line for line in NAMES.read_text().splitlines() if not line.startswith("#")]
    split = (line.split("\t") for line in lines)
    return {name: (kind, frozenset(labels.split(",")) - {""}) for name, kind, labels in split}


def is_setting(name: str) -> bool:
    return name.startswith("pg_settings_")


def documented() -> dict[str, int]:
    """Metrics of collectors, and since which version they are there; pg_settings_* are many."""
    return {
        metric.name: metric.since or collector.since // 10000
        for collector in all_collectors().values()
        if collector.of is Kind.postgres
        for metric in collector.metrics
        if not metric.name.endswith("*")
    }


def younger(name: str, version: int) -> bool:
    return version < documented()[name]


@pytest.fixture(scope="module")
def read() -> dict[int, Seen]:
    """The pages of each version are read once."""
    return {}


@pytest.fixture
async def seen(
    farm: Farm,
    version: int,
    private_server: Callable[..., Postgres],
    standby: Callable[..., Postgres],
    watch: Watch,
    read: dict[int, Seen],
) -> Seen:
    """Everything that a busy primary and its standby show."""
    if version in read:
        return read[version]
    primary = private_server(**busy.PRIMARY)
    await busy.prepare(primary)
    second = standby(
        primary, slot="repmgr_slot_2", hot_standby_feedback="on", cluster_name="second"
    )
    seen = read[version] = Seen()
    wanted = {name for name in documented() if not younger(name, version)} - RARE.keys()
    async with busy.full_activity(primary, farm):
        pages = [await watch(one.dsn(user=MONITOR)) for one in (primary, second)]
        deadline = asyncio.get_running_loop().time() + PATIENCE

        async def everything() -> bool:
            for watched in reversed(pages):
                seen.page = page(watched)
                seen.read(seen.page)
            await asyncio.sleep(0.3)
            late = asyncio.get_running_loop().time() > deadline
            return late or wanted <= seen.types.keys()

        await until(everything, "the pages were read", 2 * PATIENCE)
    return seen


def page(watched: Watched) -> str:
    return watched.fleet.store.page().body.decode()


def test_every_name_is_ours() -> None:
    """None of them is left to no collector."""
    assert {name for name in expected() if not is_setting(name)} - documented().keys() == set()


async def test_names_types_and_labels(seen: Seen, version: int) -> None:
    """What an exporter shows is there under the same name, of the same type, with its labels."""
    known = {
        name: one
        for name, one in expected().items()
        if not is_setting(name) and not younger(name, version)
    }
    assert known.keys() - seen.types.keys() == set()
    assert {name: seen.types[name] for name in known} == {n: kind for n, (kind, _) in known.items()}
    labels = {name: seen.labels[name] for name in known}
    assert labels == {
        name: {names | MORE_LABELS.get(name, set())} for name, (_, names) in known.items()
    }


async def test_page_and_documentation_agree(seen: Seen, version: int) -> None:
    """All that is documented was on the page of this version, and nothing else."""
    facts = {name for name in seen.types if name.startswith(("pg", "postgresql_"))}
    there = {name for name in facts if not is_setting(name)}
    own = {metric.name for metric in OWN_METRICS}
    assert there - own - documented().keys() == set()
    absent = {name for name in documented() if younger(name, version)}
    assert documented().keys() - RARE.keys() - absent - there == set()
    assert absent & there == set()


def test_promtool_minds_only_what_others_named(seen: Seen, tool: Tool) -> None:
    """Names that are ours follow the conventions, and no series is there twice."""
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"],
        input=seen.page,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "parsing" not in done.stderr
    minded = {line.split()[0] for line in done.stderr.splitlines()}
    legacy = {m.name for c in all_collectors().values() for m in c.metrics if m.legacy}
    assert {n for n in minded if not is_setting(n)} - expected().keys() - legacy == set()
    series = [line.rpartition(" ")[0] for line in seen.page.splitlines() if line[:1] != "#"]
    assert [one for one, times in Counter(series).items() if times > 1] == []


async def test_every_state_and_mode_is_there(seen: Seen) -> None:
    """Dashboards rely on a 0 where a database has no session in a state, or no lock in a mode."""
    for family, label, most in (
        ("pg_stat_activity_count", "state", 6),
        ("pg_stat_activity_max_tx_duration", "state", 6),
        ("pg_locks_count", "mode", 9),
    ):
        values: dict[str, set[str]] = {}
        for one in text_string_to_metric_families(seen.page):
            for sample in one.samples:
                if sample.name == family:
                    values.setdefault(sample.labels["datname"], set()).add(sample.labels[label])
        assert values.keys() == {"postgres", "shop", "template0", "template1"}
        assert {len(known) for known in values.values()} == {most}, family


async def test_settings_in_base_units(
    private_server: Callable[..., Postgres], watch: Watch
) -> None:
    """Every setting that is a number or a switch, under the name that an exporter gives it."""
    server = private_server()
    watched = await watch(server.dsn(user=MONITOR))
    seen = Seen()

    async def there() -> bool:
        seen.read(page(watched))
        return "pg_settings_port" in seen.types

    await until(there, "settings are on the page")
    async with connected(server.dsn()) as admin:
        settings = {
            row["name"].replace(".", "_")
            for row in await admin.fetch(
                "select name from pg_settings where vartype in ('bool', 'integer', 'real')"
            )
        }
    unit = re.compile("_(seconds|bytes)$")
    names = {name.removeprefix("pg_settings_") for name in seen.types if is_setting(name)}
    plain = {name if name in settings else unit.sub("", name) for name in names}
    assert plain == settings
    of_peer = {name.removeprefix("pg_settings_") for name in expected() if is_setting(name)}
    here = {n for n in of_peer if n in settings or unit.sub("", n) in settings}
    assert here - names == set()
    assert {seen.types[f"pg_settings_{name}"] for name in names} == {"gauge"}
