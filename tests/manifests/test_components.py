"""Autoscaling and monitoring: what they promise beside what every overlay must."""

import json
import re
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from tests.manifests.combinations import COMBINATIONS
from tests.manifests.rendering import SERVICES, render

import bookmeup.db.outbox_lag
import bookmeup.web.gate
import bookmeup.web.metrics

OF_OTHERS = {"up", "kube_job_status_failed"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


SCALED = pytest.mark.parametrize("name", [name for name in COMBINATIONS if "hpa" in name])


@SCALED
def test_the_autoscaler_alone_says_how_many(name: str) -> None:
    rendering = render(name)
    scalers = {s["spec"]["scaleTargetRef"]["name"]: s["spec"] for s in rendering.all("HorizontalPodAutoscaler")}
    assert set(scalers) == set(SERVICES)
    for service, scaler in scalers.items():
        assert "replicas" not in rendering.one("Deployment", service)["spec"], "each apply would set it again"
        assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 6)
        assert scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300


@SCALED
def test_the_autoscaler_takes_only_the_number_away(name: str) -> None:
    """Adding it to a running prod lets apply forget what it had set: whatever else went would stay on the cluster.

    Of a canary it takes nothing away.
    """
    before, after = render(name.replace("+hpa", "")), render(name)
    for service in SERVICES:
        del before.one("Deployment", service)["spec"]["replicas"]
    kept = [thing for thing in after.objects if thing["kind"] != "HorizontalPodAutoscaler"]
    assert kept == before.objects


def exported() -> set[str]:
    """The series that a process of ours offers."""
    ours = {bookmeup.web.metrics.__name__, bookmeup.web.gate.__name__, bookmeup.db.outbox_lag.__name__}
    assert len(ours) == 3
    return {
        metric.name + suffix
        for metric in REGISTRY.collect()
        if metric.name.startswith("bookmeup_")
        for suffix in SUFFIXES[metric.type]
    }


def expressions() -> Iterator[str]:
    rendering = render("prod+monitoring")
    (rules,) = rendering.all("PrometheusRule")
    for group in rules["spec"]["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    dashboard = json.loads(rendering.config("bookmeup-dashboard")["bookmeup.json"])
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    yield from (v["query"] for v in dashboard["templating"]["list"] if v["type"] == "query")


def used(expression: str) -> set[str]:
    """The series an expression reads: names outside strings, groupings and selectors that are no function."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', "", expression)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)|label_values\(([^,]*),[^)]*\)", r" \2 ", bare)
    return set(re.findall(r"\b[a-zA-Z_]\w*\b(?!\s*\()", bare)) - {"sum", "or"}


def test_rules_and_dashboard_read_only_what_exists() -> None:
    read = set().union(*map(used, expressions()))
    assert read <= exported() | OF_OTHERS
    assert {"bookmeup_http_requests_total", "bookmeup_http_request_seconds_bucket", "up"} <= read


def test_a_misspelt_series_would_be_noticed() -> None:
    misspelt = 'sum by (app) (rate(bookmeup_http_request_total{status=~"5.."}[5m])) > 1'
    assert used(misspelt) - exported() == {"bookmeup_http_request_total"}


def test_each_alert_says_what_to_do() -> None:
    (rules,) = render("prod+monitoring").all("PrometheusRule")
    alerts = [rule for group in rules["spec"]["groups"] for rule in group["rules"]]
    assert len({alert["alert"] for alert in alerts}) == len(alerts)
    for alert in alerts:
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert len(alert["annotations"]["runbook"]) > 50
        assert alert["for"]


def test_the_monitor_finds_the_port_of_each_service() -> None:
    rendering = render("prod+monitoring")
    (monitor,) = rendering.all("PodMonitor")
    (expression,) = monitor["spec"]["selector"]["matchExpressions"]
    assert (expression["key"], set(expression["values"])) == ("app", {*SERVICES, "worker"})
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    for name in SERVICES:
        assert endpoint["port"] in rendering.pod(name).ports
    assert monitor["spec"]["podTargetLabels"] == ["app", "track"]
