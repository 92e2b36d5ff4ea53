"""What the operator of Prometheus reads of ours is as its own types want it, to the last field."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.fixtures.kubernetes import HOUSE, VALUES, Helm, Manifest, helm
from tests.fixtures.operator import Operator, operator, operators

__all__ = ["helm", "operator"]

KINDS = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}


@pytest.fixture(scope="module")
def rendered(helm: Helm) -> list[Manifest]:
    """The operator's objects of every combination of values."""
    return operators([one for path in VALUES for one in helm.template(f"--values={path}")])


def test_chart_is_as_the_operator_wants_it(rendered: list[Manifest], operator: Operator) -> None:
    """Each monitor and rule that the chart can make is valid, and has no field of our invention."""
    assert {one["kind"] for one in rendered} == KINDS
    assert operator.objections(rendered) == []


def test_manifests_are_as_the_operator_wants_them(operator: Operator) -> None:
    """So are those of the plain manifests."""
    paths = (HOUSE / "deploy" / "kubernetes").glob("*.yaml")
    every = [one for path in paths for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    assert {one["kind"] for one in operators(every)} == KINDS - {"PrometheusRule"}
    assert operator.objections(operators(every)) == []


Spoil = Callable[[Any], object]


def one_rule(spec: Any) -> Any:
    return next(rule for group in spec["groups"] for rule in group["rules"] if "alert" in rule)


@pytest.mark.parametrize(
    ("kind", "spoil", "told"),
    [
        ("ServiceMonitor", lambda s: s["endpoints"][0].update(portt=1), "portt is unknown"),
        ("ServiceMonitor", lambda s: s["endpoints"][0].update(interval="often"), "interval"),
        ("ServiceMonitor", lambda s: s.pop("selector"), "selector"),
        ("PodMonitor", lambda s: s["podMetricsEndpoints"][0].update(scheme="ftp"), "scheme"),
        ("PrometheusRule", lambda s: one_rule(s).update(keep_firing="2m"), "keep_firing is unk"),
        ("PrometheusRule", lambda s: one_rule(s).update({"for": "2 minutes"}), "for must match"),
        ("PrometheusRule", lambda s: one_rule(s).update(labels={"severity": 1}), "severity"),
    ],
)
def test_a_mistake_is_noticed(
    kind: str, spoil: Spoil, told: str, rendered: list[Manifest], operator: Operator
) -> None:
    """The judge of the tests above does judge."""
    spoilt = copy.deepcopy(next(one for one in rendered if one["kind"] == kind))
    spoil(spoilt["spec"])
    [objection] = operator.objections([spoilt])
    assert told in objection
