"""Parts whose operators a test cluster has not got: its API server takes them, and prod goes on as it was."""

from collections.abc import Iterator

import pytest
from tests.e2e.cluster import SERVICES, Environment, kubectl, say
from tests.e2e.conftest import MakeEnvironment
from tests.e2e.salon import Salon

SCRAPE = "import sys, urllib.request as r; print(r.urlopen(f'http://127.0.0.1:{sys.argv[1]}/metrics').read().decode())"


def known(kind: str) -> None:
    if kind not in kubectl("api-resources", "-o", "name"):
        pytest.skip(f"THIS CLUSTER DOES NOT KNOW {kind}: ITS COMPONENT IS NOT APPLIED")


@pytest.fixture
def undisturbed(prod: Environment, salon: Salon) -> Iterator[None]:
    """No pod goes, no secret changes, nothing is lost."""
    pods, secret = prod.restarts(), prod.secret()
    yield
    assert (prod.restarts(), prod.secret()) == (pods, secret)
    assert salon.edge.get("/services").status == 200
    assert salon.lost() == set()


@pytest.mark.usefixtures("undisturbed")
def test_monitoring_names_the_port_that_each_pod_has_its_metrics_on(make_environment: MakeEnvironment) -> None:
    known("podmonitors.monitoring.coreos.com")
    watched = make_environment("prod", "monitoring")
    watched.apply()
    monitor = watched.fetch("podmonitor", "bookmeup")["spec"]
    port = monitor["podMetricsEndpoints"][0]["port"]
    (selector,) = monitor["selector"]["matchExpressions"]
    found = [pod for pod in watched.pods() if pod["metadata"]["labels"].get(selector["key"]) in selector["values"]]
    for pod in found:
        (number,) = [p["containerPort"] for p in pod["spec"]["containers"][0]["ports"] if p["name"] == port]
        told = watched.kubectl("exec", pod["metadata"]["name"], "--", "python", "-c", SCRAPE, str(number))
        assert "bookmeup_http_requests_total" in told
    say(f"prod + monitoring: taken; {len(found)} pods have metrics on the port {port}")
    watched.kubectl("delete", "podmonitor,prometheusrule", "--all")
    assert {pod["metadata"]["labels"]["app"] for pod in found} == set(SERVICES)


@pytest.mark.usefixtures("undisturbed")
def test_external_secrets_leaves_the_secret_that_is_there_until_its_store_says_otherwise(
    make_environment: MakeEnvironment,
) -> None:
    known("externalsecrets.external-secrets.io")
    stored = make_environment("prod", "external-secrets")
    stored.apply()
    asked = {entry["secretKey"] for entry in stored.fetch("externalsecret", "bookmeup-secrets")["spec"]["data"]}
    say(f"prod + external-secrets: taken; it asks its store for {len(asked)} keys")
    stored.kubectl("delete", "externalsecret", "bookmeup-secrets")
    assert asked == set(stored.secret())
