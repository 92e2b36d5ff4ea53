"""Another chart puts the sidecar beside its own PostgreSQL, by one line each."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fixtures.kubernetes import CHART, Helm, Manifest, containers, helm, of_kind

__all__ = ["helm"]

PARENT = {
    "Chart.yaml": """
apiVersion: v2
name: shop
version: 1.0.0
dependencies: [{name: pgvigil, version: 0.x.x, repository: ""}]
""",
    "values.yaml": """
pgvigil:
  deployment: {enabled: false}
  config:
    datasource:
      host: /var/run/postgresql
      user: pgvigil
      passwordSecret: {name: shop-db, key: password}
  sidecar:
    volumeMounts: [{name: socket, mountPath: /var/run/postgresql}]
  podMonitor: {enabled: true, selector: {matchLabels: {app: shop-db}}}
""",
    "templates/database.yaml": """
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: shop-db
spec:
  serviceName: shop-db
  selector: {matchLabels: {app: shop-db}}
  template:
    metadata: {labels: {app: shop-db}}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- if .Values.pgvigil.sidecar.native }}
      initContainers:
        {{- include "pgvigil.sidecar" .Subcharts.pgvigil | nindent 8 }}
      {{- end }}
      containers:
        - name: postgres
          image: postgres:18
          volumeMounts: [{name: socket, mountPath: /var/run/postgresql}]
        {{- if not .Values.pgvigil.sidecar.native }}
        {{- include "pgvigil.sidecar" .Subcharts.pgvigil | nindent 8 }}
        {{- end }}
      volumes:
        - {name: socket, emptyDir: {}}
        {{- include "pgvigil.volumes" .Subcharts.pgvigil | nindent 8 }}
""",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A chart of somebody's database, with ours among its dependencies."""
    for name, text in PARENT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.lstrip())
    shutil.copytree(CHART, tmp_path / "charts" / "pgvigil")
    return tmp_path


NATIVE = ("--set=pgvigil.sidecar.native=true", "--kube-version=1.29")
kinds = pytest.mark.parametrize("flags", [(), NATIVE], ids=["classic", "native"])


@kinds
def test_pod_with_the_sidecar_is_valid(flags: tuple[str, ...], shop: Path, helm: Helm) -> None:
    """Database and sidecar together are what Kubernetes takes, and nothing else of ours runs."""
    objects = helm.template(*flags, chart=shop)
    assert not of_kind(objects, "Deployment")
    assert not of_kind(objects, "Service")
    core = [one for one in objects if one["kind"] != "PodMonitor"]
    assert helm.objections(core, "1.29") == ""


@kinds
def test_sidecar_leaves_the_database_alone(flags: tuple[str, ...], shop: Path, helm: Helm) -> None:
    """No probe gates the pod's traffic or its start, and its class of service stays as it is."""
    [(_, sidecar)] = containers(helm.template(*flags, chart=shop))
    assert sidecar["livenessProbe"]
    assert not sidecar.keys() & {"readinessProbe", "startupProbe"}
    assert sidecar["resources"]["requests"] == sidecar["resources"]["limits"]
    assert sidecar["resources"]["limits"].keys() == {"cpu", "memory"}


@kinds
def test_sidecar_has_all_that_it_mounts(flags: tuple[str, ...], shop: Path, helm: Helm) -> None:
    """Each mount of the sidecar has its volume in the pod, each ConfigMap is made."""
    objects = helm.template(*flags, chart=shop)
    [(spec, sidecar)] = containers(objects)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert {mount["name"] for mount in sidecar["volumeMounts"]} <= volumes.keys()
    made = {one["metadata"]["name"] for one in of_kind(objects, "ConfigMap")}
    assert volumes["pgvigil-config"]["configMap"]["name"] in made


def test_volume_of_the_data_is_mounted_and_looked_at(shop: Path, helm: Helm) -> None:
    """By one key: read-only in the pod, and named in the daemon's own configuration."""
    objects = helm.template("--set=pgvigil.sidecar.dataVolume=socket", chart=shop)
    [(_, sidecar)] = containers(objects)
    assert {"name": "socket", "mountPath": "/pgdata", "readOnly": True} in sidecar["volumeMounts"]
    [config] = of_kind(objects, "ConfigMap")
    assert "data_directory: /pgdata" in config["data"]["pgvigil.yaml"]
    [config] = of_kind(helm.template(chart=shop), "ConfigMap")
    assert "data_directory" not in config["data"]["pgvigil.yaml"]


def test_native_sidecar_stays(shop: Path, helm: Helm) -> None:
    """As an init container it goes on running, and says so to Kubernetes."""
    objects = helm.template(*NATIVE, chart=shop)
    assert restart_policy(objects) == "Always"
    assert restart_policy(helm.template(chart=shop)) is None


def restart_policy(objects: list[Manifest]) -> Any:
    [(_, sidecar)] = containers(objects)
    return sidecar.get("restartPolicy")


def test_native_sidecar_needs_a_cluster_that_has_them(shop: Path, helm: Helm) -> None:
    """Before 1.29 an init container that stays would block the database for ever: refused."""
    old = helm.refused("--set=pgvigil.sidecar.native=true", "--kube-version=1.28", chart=shop)
    assert "sidecar.native needs Kubernetes 1.29 or later" in old


def test_server_is_called_as_its_pod(shop: Path, helm: Helm) -> None:
    """Each database's name in alerts is the stable name of its pod, not a shared one."""
    objects = helm.template(chart=shop)
    [(_, sidecar)] = containers(objects)
    [variable] = [one for one in sidecar["env"] if one["name"] == "POD_NAME"]
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    [text] = [one["data"]["pgvigil.yaml"] for one in of_kind(objects, "ConfigMap")]
    assert "server_name" not in yaml.safe_load(text)
