"""The plain manifests are what Kubernetes takes, and in them pgvigil finds its servers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.servers import WatchedServer, watched_servers
from monitor.postgres.role_sql import SESSIONS
from tests.fixtures.kubernetes import HOUSE, Helm, Manifest, containers, helm, of_kind

__all__ = ["helm"]

FOLDER = HOUSE / "deploy" / "kubernetes"
MANIFESTS = sorted(FOLDER.glob("*.yaml"))
OPERATORS = {"monitoring.coreos.com/v1", "acid.zalan.do/v1", "postgresql.cnpg.io/v1"}
"""Whose kinds the schemas of Kubernetes don't know."""

each_manifest = pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)


def objects(path: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("kubernetes", ["1.29", "1.33", "1.37"])
def test_every_object_is_valid(kubernetes: str, helm: Helm) -> None:
    """Each object of Kubernetes itself is as that version wants it."""
    every = [one for path in MANIFESTS for one in objects(path)]
    core = [one for one in every if one["apiVersion"] not in OPERATORS]
    assert {one["kind"] for one in core} >= {"StatefulSet", "Deployment", "Secret", "ConfigMap"}
    assert helm.objections(core, kubernetes) == ""


def ours(path: Path) -> Iterator[Manifest]:
    """Every container of pgvigil, in any kind of pod."""
    yield from (container for _, container in containers(objects(path)))
    for cluster in of_kind(objects(path), "postgresql"):
        yield from (side for side in cluster["spec"]["sidecars"] if side["name"] == "pgvigil")


@each_manifest
def test_monitor_finds_the_port(path: Path) -> None:
    """What tells Prometheus whom to ask names a port that the container, or its Service, has."""
    [container] = ours(path)
    ports = {port["name"] for port in container["ports"]}
    ports |= {p["name"] for one in of_kind(objects(path), "Service") for p in one["spec"]["ports"]}
    endpoints = [
        endpoint
        for kind, where in (("PodMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "endpoints"))
        for monitor in of_kind(objects(path), kind)
        for endpoint in monitor["spec"][where]
    ]
    assert endpoints
    assert {endpoint["port"] for endpoint in endpoints} <= ports


@each_manifest
def test_container_may_do_nothing(path: Path) -> None:
    """Not root, nothing writable, no capability, no token, no link to other Services."""
    for spec, container in containers(objects(path)):
        allowed = container["securityContext"]
        assert allowed["runAsNonRoot"] is allowed["readOnlyRootFilesystem"] is True
        assert allowed["allowPrivilegeEscalation"] is False
        assert allowed["capabilities"] == {"drop": ["ALL"]}
        assert allowed["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False


@pytest.mark.parametrize("name", ["sidecar", "zalando"])
def test_sidecar_leaves_the_database_alone(name: str) -> None:
    """No probe gates the pod, and requests are limits."""
    [sidecar] = ours(FOLDER / f"{name}.yaml")
    assert not sidecar.keys() & {"readinessProbe", "startupProbe"}
    assert sidecar["resources"]["requests"] == sidecar["resources"]["limits"]


@each_manifest
def test_everything_mounted_is_there(path: Path) -> None:
    """Each mount has its volume, and each Secret and ConfigMap is made here or by the operator."""
    made = {one["metadata"]["name"] for one in objects(path)} | {"shop-ca"}
    claims = [
        claim
        for one in objects(path)
        for claim in (one.get("spec") or {}).get("volumeClaimTemplates", ())
    ]
    claimed: dict[str, Manifest] = {claim["metadata"]["name"]: {} for claim in claims}
    for spec, container in containers(objects(path)):
        volumes = claimed | {volume["name"]: volume for volume in spec["volumes"]}
        for mount in container["volumeMounts"]:
            volume = volumes[mount["name"]]
            names = (
                volume.get("secret", {}).get("secretName"),
                volume.get("configMap", {}).get("name"),
            )
            assert set(filter(None, names)) <= made


def watched(environ: Mapping[str, str], flags: Mapping[str, str]) -> dict[str, WatchedServer]:
    return watched_servers(load(flags, environ, settings_type()), environ)


def environment(container: Manifest, added: Mapping[str, str]) -> dict[str, str]:
    """The variables of the container, with what Kubernetes or an operator fills in."""
    written = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    return {**written, **added}


def test_sidecar_reaches_its_neighbour(tmp_path: Path) -> None:
    """It asks the server of its own pod, with the mounted password, under the name of the pod."""
    [sidecar] = ours(FOLDER / "sidecar.yaml")
    (tmp_path / "password").write_text("p w\n")
    environ = environment(sidecar, {"POD_NAME": "shop-db-0"})
    environ["PGVIGIL_PASSWORD_FILE"] = environ["PGVIGIL_PASSWORD_FILE"].replace(
        "/etc/pgvigil/credentials", str(tmp_path)
    )
    found = watched(environ, {})
    assert set(found) == {"shop-db-0"}
    arguments = found["shop-db-0"].address.connect_arguments()
    assert (arguments["host"], arguments["user"]) == (["localhost"], "pgvigil")
    assert arguments["password"]() == "p w"


ZALANDO = {
    "POD_NAME": "acid-shop-0",
    "POD_NAMESPACE": "default",
    "POSTGRES_USER": "postgres",
    "POSTGRES_PASSWORD": "secret",
}


@pytest.mark.parametrize(
    ("removed", "host"), [("", "/var/run/postgresql"), ("PGHOST", "localhost")]
)
def test_what_zalandos_operator_says_is_enough(removed: str, host: str) -> None:
    """By the shared socket or without it, the variables that the operator adds are understood."""
    [sidecar] = ours(FOLDER / "zalando.yaml")
    environ = environment(sidecar, ZALANDO)
    environ.pop(removed, None)
    found = watched(environ, {})
    assert set(found) == {"acid-shop-0"}
    arguments = found["acid-shop-0"].address.connect_arguments()
    assert (arguments["host"], arguments["user"]) == ([host], "postgres")
    assert arguments["password"]() == "secret"


def test_every_instance_is_watched_by_itself(tmp_path: Path) -> None:
    """Beside CloudNativePG each instance has a Service of its own, and a server of that name."""
    manifest = objects(FOLDER / "cloudnative-pg.yaml")
    [config] = of_kind(manifest, "ConfigMap")
    file = tmp_path / "pgvigil.yaml"
    file.write_text(config["data"]["pgvigil.yaml"].replace("/etc/pgvigil", str(tmp_path)))
    (tmp_path / "credentials").mkdir()
    [secret] = of_kind(manifest, "Secret")
    for name, text in secret["stringData"].items():
        (tmp_path / "credentials" / name).write_text(text)
    found = watched({}, {"config": str(file)})
    [cluster] = of_kind(manifest, "Cluster")
    name = cluster["metadata"]["name"]
    instances = {f"{name}-{n + 1}" for n in range(cluster["spec"]["instances"])}
    assert set(found) == instances
    services = {
        one["metadata"]["name"]: one["spec"]["selector"] for one in of_kind(manifest, "Service")
    }
    for instance in instances:
        assert found[instance].address.target().hosts == (instance,)
        wanted = {"cnpg.io/cluster": name, "cnpg.io/instanceName": instance}
        assert services[instance] == wanted
    [role] = cluster["spec"]["managed"]["roles"]
    assert role["name"] == secret["stringData"]["username"] == "pgvigil"
    # The operator takes back what setup-sql grants beside its lines.
    assert role["connectionLimit"] == SESSIONS
    assert role["inRoles"] == ["pg_monitor", "pg_use_reserved_connections"]


def test_one_holder_of_the_memory() -> None:
    """Beside CloudNativePG the state file has one pod at a time."""
    [deployment] = of_kind(objects(FOLDER / "cloudnative-pg.yaml"), "Deployment")
    spec: dict[str, Any] = deployment["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
