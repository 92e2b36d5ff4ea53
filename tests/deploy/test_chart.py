"""The chart renders, in each combination, what Kubernetes takes and pgvigil reads."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.prometheus.rulebook import RUNBOOK_BASE
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.poolers import pooler_plans
from monitor.config.reload import NEED_A_RESTART
from monitor.config.servers import watched_servers
from monitor.generate.files import SOURCES, is_dashboard, is_rules
from monitor.version import VERSION
from tests.fixtures.kubernetes import (
    CHART,
    HOUSE,
    OPERATOR,
    VALUES,
    VERSIONS,
    Helm,
    Manifest,
    containers,
    helm,
    of_kind,
)
from tests.fixtures.requirements import Tool

__all__ = ["helm"]

ONE_SERVER = "--set=config.datasource.host=db"
each_combination = pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)


@each_combination
def test_lint_is_clean(values: Path, helm: Helm) -> None:
    """`helm lint --strict` accepts the chart, and the schema the values."""
    done = helm.run("lint", "--strict", CHART, f"--values={values}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kubernetes", VERSIONS)
def test_every_object_is_valid(kubernetes: str, helm: Helm) -> None:
    """Each object of each combination is as that version of Kubernetes wants it."""
    flags = f"--kube-version={kubernetes}"
    objects = [one for path in VALUES for one in helm.template(f"--values={path}", flags)]
    ours = [one for one in objects if one["apiVersion"] != OPERATOR]
    assert {one["kind"] for one in ours} >= {"Deployment", "Secret", "NetworkPolicy", "Service"}
    assert helm.objections(ours, kubernetes) == ""


def test_a_misspelt_field_is_noticed(helm: Helm) -> None:
    """The judge of the test above does judge."""
    [deployment] = of_kind(helm.template(ONE_SERVER), "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    assert "livenesProbe" in helm.objections([deployment], VERSIONS[-1])


def config(objects: list[Manifest]) -> str:
    """The daemon's configuration among what is rendered."""
    [text] = [m["data"]["pgvigil.yaml"] for m in objects if "pgvigil.yaml" in m.get("data", {})]
    return str(text)


@each_combination
def test_daemon_reads_its_configuration(values: Path, helm: Helm, tmp_path: Path) -> None:
    """The daemon accepts what the chart writes for it, and knows each server that is named."""
    file = tmp_path / "pgvigil.yaml"
    text = config(helm.template(f"--values={values}")).replace(MOUNTED, str(tmp_path))
    file.write_text(text.replace("/vault/secrets", f"{tmp_path}/datasource"))
    given = yaml.safe_load(values.read_text())
    for name in [*given.get("servers", ["datasource"]), *given.get("poolers", ())]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "dsn").write_text("host=db")
        for secret in ("user", "password", "plans-password"):
            (tmp_path / name / secret).write_text("secret")
    environ = {"DATABASE_URL": "postgresql://db"}
    settings = load({"config": str(file)}, environ, settings_type())
    plans = {plan.name: plan for plan in pooler_plans(settings, environ)}
    assert set(plans) == set(given.get("poolers", ()))
    if pool := plans.get("shop-pool"):
        target = pool.address.target()
        assert (target.hosts, target.ports) == (("shop-pooler.databases",), (6432,))
        assert (target.database, target.user) == ("pgbouncer", "pgvigil")
        assert (pool.servers, str(pool.log)) == (
            ("shop-primary",),
            "/pooler-log/pgbouncer.log",
        )
    if "servers" in given:
        servers = watched_servers(settings, environ)
        assert set(servers) == set(given["servers"])
        planner = servers["shop-primary"].plans
        assert planner is not None
        assert (planner.target().hosts, planner.target().user) == (
            ("shop-rw.databases",),
            "pgvigil_plans",
        )
        assert servers["shop-primary"].server_log_by_sql
        assert servers["shop-standby"].plans is None


def test_a_single_server_has_plans_and_its_log_too(helm: Helm, tmp_path: Path) -> None:
    """By values of config.datasource; the login for plans has the address of the server."""
    name = "config.datasource"
    flags = (f"{name}.plans.user=plans", f"{name}.plans.passwordFile=/vault/plans")
    log = f"{name}.serverLogBySql=true"
    objects = helm.template(ONE_SERVER, *(f"--set={flag}" for flag in (*flags, log)))
    file = tmp_path / "pgvigil.yaml"
    file.write_text(config(objects).replace("/vault", str(tmp_path)))
    (tmp_path / "plans").write_text("secret")
    [server] = watched_servers(load({"config": str(file)}, {}, settings_type()), {}).values()
    assert server.server_log_by_sql
    assert server.plans is not None
    assert (server.plans.target().hosts, server.plans.target().user) == (("db",), "plans")


MOUNTED = "/etc/pgvigil/credentials"


def test_awkward_values_arrive_whole(helm: Helm, tmp_path: Path) -> None:
    """An IPv6 host, and a database, user and password full of signs, mean what they say."""
    values = CHART / "ci" / "written-password-values.yaml"
    wanted = yaml.safe_load(values.read_text())["config"]["datasource"]
    objects = helm.template(f"--values={values}")
    [secret] = of_kind(objects, "Secret")
    (tmp_path / "datasource").mkdir()
    password = base64.b64decode(secret["data"]["datasource"])
    (tmp_path / "datasource" / "password").write_bytes(password)
    file = tmp_path / "pgvigil.yaml"
    file.write_text(config(objects).replace(MOUNTED, str(tmp_path)))
    settings = load({"config": str(file)}, {}, settings_type())
    [server] = watched_servers(settings, {}).values()
    target = server.address.target()
    assert (target.hosts, target.ports) == ((wanted["host"],), (wanted["port"],))
    assert (target.database, target.user) == (wanted["database"], wanted["user"])
    assert target.sslmode == "verify-full"
    assert password.decode() == wanted["password"]


@each_combination
def test_every_secret_is_where_the_daemon_looks(values: Path, helm: Helm) -> None:
    """Each file that the configuration names below the mounted folder is mounted there."""
    objects = helm.template(f"--values={values}")
    written = config(objects)
    named = {word for word in written.split() if word.startswith(MOUNTED)}
    for spec, _ in containers(objects):
        sources = [
            item["path"]
            for volume in spec["volumes"]
            for source in volume.get("projected", {}).get("sources", ())
            for item in source["secret"]["items"]
        ]
        assert named == {f"{MOUNTED}/{path}" for path in sources}


@each_combination
def test_container_may_do_nothing(values: Path, helm: Helm) -> None:
    """Not root, nothing writable, no capability, no token, no link to other Services."""
    for spec, container in containers(helm.template(f"--values={values}")):
        allowed = container["securityContext"]
        assert allowed["runAsNonRoot"] is allowed["readOnlyRootFilesystem"] is True
        assert allowed["allowPrivilegeEscalation"] is False
        assert allowed["capabilities"] == {"drop": ["ALL"]}
        assert allowed["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False


def test_probes_never_ask_the_database(helm: Helm) -> None:
    """Life is answering at all; readiness is having looked, whatever was seen."""
    [(_, container)] = containers(helm.template(ONE_SERVER))
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert "startupProbe" not in container


@each_combination
def test_one_daemon_and_one_holder_of_its_memory(values: Path, helm: Helm) -> None:
    """Never two daemons on one state file unless somebody asks, and no budget for one pod."""
    given = yaml.safe_load(values.read_text())
    objects = helm.template(f"--values={values}")
    assert not of_kind(objects, "PodDisruptionBudget")
    for deployment in of_kind(objects, "Deployment"):
        assert deployment["spec"]["replicas"] == 1
        if "state_file" in config(objects) and "strategy" not in given:
            assert deployment["spec"]["strategy"] == {"type": "Recreate"}


OTHERWISE = [
    "listen=127.0.0.1:1",
    "web_config_file=/web.yaml",
    "pages=false",
    "state_file=/s.db",
    "subjects_shown=3",
    "legacy_metrics=false",
    "log_level=debug",
    "log_format=text",
]
"""Settings that only a restart brings into force, with other values than they have."""


def test_restart_only_where_it_is_needed(helm: Helm) -> None:
    """What the daemon can take over while running leaves its pod alone; the rest renews the pod."""

    def pod(*flags: str) -> Any:
        [deployment] = of_kind(helm.template(ONE_SERVER, *flags), "Deployment")
        return deployment["spec"]["template"]

    assert pod("--set=config.settings.findings.index_unused.window=60d") == pod()
    assert pod("--set=config.logLevel=debug") != pod()
    noticed = [name for name in OTHERWISE if pod(f"--set=config.settings.{name}") != pod()]
    assert noticed == OTHERWISE
    assert {name.partition("=")[0] for name in OTHERWISE} == {*NEED_A_RESTART}


def test_policy_opens_the_ports_of_the_servers(helm: Helm) -> None:
    """It reaches name resolution and PostgreSQL; only who is named reaches it."""
    values = CHART / "ci" / "fleet-values.yaml"
    [policy] = of_kind(helm.template(f"--values={values}"), "NetworkPolicy")
    names, databases = policy["spec"]["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert sorted(port["port"] for port in databases["ports"]) == [5432, 5433, 6432, 6433]
    assert len(databases["to"]) == 2
    [coming] = policy["spec"]["ingress"]
    assert [port["port"] for port in coming["ports"]] == ["http-pgvigil"]
    assert coming["from"]


def rules(objects: list[Manifest]) -> dict[str, Any]:
    [rule] = of_kind(objects, "PrometheusRule")
    spec: dict[str, Any] = rule["spec"]
    return spec


def test_rules_are_read_by_prometheus(helm: Helm, tool: Tool, tmp_path: Path) -> None:
    """Prometheus accepts the rendered rules: all there are, but for those that were left out."""
    values = CHART / "ci" / "operator-values.yaml"
    spec = rules(helm.template(f"--values={values}"))
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(spec))
    done = subprocess.run(
        [tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = [
        rule if "record" in rule else moved(rule)
        for rule in committed_rules()
        if rule.get("alert") != "PgvigilTableBloat"
    ]
    assert [rule for group in spec["groups"] for rule in group["rules"]] == wanted


def committed_rules() -> list[dict[str, Any]]:
    return [
        rule
        for path in SOURCES
        if is_rules(path)
        for group in yaml.safe_load((HOUSE / path).read_text())["groups"]
        for rule in group["rules"]
    ]


def moved(rule: dict[str, Any]) -> dict[str, Any]:
    """The same alert with its runbook elsewhere."""
    name = rule["annotations"]["runbook_url"].removeprefix(RUNBOOK_BASE)
    elsewhere = f"https://pgvigil.example.org/findings{name}"
    return rule | {"annotations": rule["annotations"] | {"runbook_url": elsewhere}}


def test_runbooks_are_read_at_the_service(helm: Helm) -> None:
    """Where nothing else is said, alerts lead to the pages of the very Service that is made."""
    objects = helm.template(ONE_SERVER, "--set=prometheusRule.enabled=true")
    [service] = of_kind(objects, "Service")
    base = f"http://{service['metadata']['name']}.monitoring:{service['spec']['ports'][0]['port']}/"
    for group in rules(objects)["groups"]:
        for rule in group["rules"]:
            assert "record" in rule or rule["annotations"]["runbook_url"].startswith(base)


def test_dashboards_are_the_committed_ones(helm: Helm) -> None:
    """Each is a ConfigMap that Grafana's sidecar finds, and leads to where people open runbooks."""
    base = "https://pgvigil.example.org/findings"
    chosen = f"deployment.enabled=false,dashboards.enabled=true,prometheusRule.runbookBase={base}"
    boards = [
        one
        for one in helm.template(f"--set={chosen}")
        if one["metadata"]["labels"].get("grafana_dashboard") == "1"
    ]
    found = {name: text for board in boards for name, text in board["data"].items()}
    committed = {Path(path).name: (HOUSE / path) for path in SOURCES if is_dashboard(path)}
    assert found.keys() == committed.keys()
    for name, path in committed.items():
        assert base in found[name]
        assert json.loads(found[name].replace(base, RUNBOOK_BASE)) == json.loads(path.read_text())
        assert len(found[name]) < 1_000_000


def test_monitors_ask_where_the_daemon_listens(helm: Helm) -> None:
    """The monitors name ports that Service and container have, and their labels find each other."""
    objects = helm.template(f"--values={CHART / 'ci' / 'operator-values.yaml'}")
    [service], [monitor] = of_kind(objects, "Service"), of_kind(objects, "ServiceMonitor")
    [(_, container)] = containers(objects)
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    assert monitor["spec"]["namespaceSelector"]["matchNames"] == ["monitoring"]
    [pods] = of_kind(objects, "PodMonitor")
    names = {port["name"] for port in container["ports"]}
    assert {one["port"] for one in pods["spec"]["podMetricsEndpoints"]} <= names
    assert service["spec"]["ports"][0]["targetPort"] in names
    assert f"listen: 0.0.0.0:{container['ports'][0]['containerPort']}" in config(objects)
    assert f"scrape_interval: {endpoint['interval']}" in config(objects)


def test_no_server_is_one_clear_sentence(helm: Helm) -> None:
    """Without any server Helm says what to set."""
    assert "no server is named: set config.datasource.host" in helm.refused()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("replicaCount=2", "replicaCount"),
        ("config.datasource.prt=5432", "prt"),
        ("config.datasource.port=many", "port"),
        ("config.datasource.passwordSecret.name=x", "passwordSecret"),
        ("servers.a b.host=x", "a b"),
        ("serviceMonitor.interval=often", "interval"),
        ("prometheusRule.runbookBase=ftp://x", "runbookBase"),
        ("sidecar.resources.cpu=null", "cpu"),
        ("networkPolicy.ports={ssh}", "ports"),
    ],
)
def test_wrong_value_names_its_field(wrong: str, told: str, helm: Helm) -> None:
    """A value that can't be meant is refused, and the refusal names it."""
    assert told in helm.refused(ONE_SERVER, f"--set={wrong}")


def test_chart_is_of_this_version() -> None:
    """The chart installs the version that it came with."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == VERSION


@pytest.mark.parametrize(
    ("flags", "memory"),
    [
        ([ONE_SERVER], "256Mi"),
        ([f"--set=servers.s{n}.host=db{n}" for n in range(10)], "544Mi"),
        ([f"--set=config.settings.servers.s{n}.dsn=host=db" for n in range(3)], "320Mi"),
        ([ONE_SERVER, "--set=resources.limits.memory=1Gi"], "1Gi"),
        ([ONE_SERVER, "--set=resources.limits.memory=null"], None),
    ],
)
def test_memory_grows_with_the_servers(flags: list[str], memory: str | None, helm: Helm) -> None:
    """An empty limit follows their number; a written one stays, and null is no limit."""
    [deployment] = of_kind(helm.template(*flags), "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert (container["resources"].get("limits") or {}).get("memory") == memory
    assert container["resources"]["requests"] == {"cpu": "50m", "memory": "96Mi"}
