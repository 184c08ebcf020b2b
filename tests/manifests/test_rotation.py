"""The component rotation: an account that may do what the command does, and a job that nobody starts by himself."""

import pytest
from tests.manifests.policies import edges
from tests.manifests.rendering import Rendering, render


@pytest.fixture
def rotating() -> Rendering:
    """Prod with the component."""
    return render("prod+rotation")


def test_it_may_read_and_patch_what_the_command_does_and_no_more(rotating: Rendering) -> None:
    rules = rotating.one("Role", "rotation")["rules"]
    assert rules == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["bookmeup-secrets"], "verbs": ["get", "patch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    ]
    (subject,) = rotating.one("RoleBinding", "rotation")["subjects"]
    assert (subject["name"], subject["namespace"]) == ("rotation", "bookmeup")


def test_nobody_starts_it_and_two_never_run_at_once(rotating: Rendering) -> None:
    spec = rotating.one("CronJob", "rotate")["spec"]
    assert (spec["suspend"], spec["concurrencyPolicy"]) == (True, "Forbid")
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "rotation"
    assert pod["containers"][0]["args"] == ["rotate", "all"]


def test_the_second_password_is_optional_wherever_it_is_read(rotating: Rendering) -> None:
    references = [
        variable["valueFrom"]["secretKeyRef"]
        for pod in rotating.pods()
        for container in pod.containers
        for variable in container.get("env", [])
        if variable["name"] == "POSTGRES_PASSWORD_NEXT"
    ]
    assert len(references) == 2
    assert all(reference["optional"] is True for reference in references)


def test_the_component_opens_nothing_between_the_others(rotating: Rendering) -> None:
    policy = rotating.one("NetworkPolicy", "rotation")["spec"]
    assert policy["podSelector"] == {"matchLabels": {"app": "rotation"}}
    assert "ingress" not in policy
    assert edges(rotating) - edges(render("prod")) == {
        ("rotate", "api-server", 443),
        ("rotate", "api-server", 6443),
        ("rotate", "anybody", 443),  # the API server's address is not known
        ("rotate", "internet", 443),
        ("rotate", "kube-dns", 53),
    }
