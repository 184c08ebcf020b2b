"""What `kubectl kustomize` makes of an overlay, with short ways to the parts that the tests look at."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from tests.manifests import combinations
from tests.manifests.combinations import COMBINATIONS, ROOT

EVERY = tuple(COMBINATIONS)
OVERLAYS = tuple(name for name in COMBINATIONS if "+" not in name)
SERVICES = ("auth-service", "logic-service", "db-service")
SLICE = tuple(f"{name}-canary" for name in SERVICES)
Object = dict[str, Any]


def kustomize(path: str, folder: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    if shutil.which("kubectl") is None:
        pytest.skip("THERE IS NO kubectl: THE MANIFESTS ARE NOT CHECKED")
    environment = dict(os.environ)  # noqa: TID251 - handed on unread
    return subprocess.run(
        ["kubectl", "kustomize", path], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@cache
def text(name: str) -> str:
    """What a combination becomes; a warning is a fault as well."""
    if shutil.which("kubectl") is None:
        pytest.skip("THERE IS NO kubectl: THE MANIFESTS ARE NOT CHECKED")
    with TemporaryDirectory() as folder:
        return combinations.render(name, Path(folder) / "copy")


def has(overlay: str, part: str) -> bool:
    """Whether a part is in it: each name says its parts."""
    return part in overlay


def has_canary(overlay: str) -> bool:
    return has(overlay, "canary")


def services(overlay: str) -> Sequence[str]:
    """The Deployments of the services, a canary's among them."""
    return (*SERVICES, *SLICE) if has_canary(overlay) else SERVICES


def ours(overlay: str) -> Sequence[str]:
    """All Deployments of our image."""
    return (*services(overlay), "worker") if has(overlay, "worker") else services(overlay)


def environment(overlay: str) -> str:
    """dev, staging or prod: what the overlay is one of, whatever was added to it."""
    return re.split("[-+]", overlay)[0]


def render(overlay: str) -> "Rendering":
    """A fresh copy each time: a test may spoil it."""
    return Rendering(overlay, deepcopy(parsed(overlay)))


@cache
def parsed(overlay: str) -> list[Object]:
    return list(yaml.load_all(text(overlay), yaml.CSafeLoader))


@dataclass(frozen=True)
class Pod:
    """The pods of one Deployment, Job or CronJob."""

    name: str
    labels: dict[str, str]
    spec: Object

    @property
    def main(self) -> Sequence[Object]:
        containers: Sequence[Object] = self.spec["containers"]
        return containers

    @property
    def initial(self) -> Sequence[Object]:
        containers: Sequence[Object] = self.spec.get("initContainers", [])
        return containers

    @property
    def containers(self) -> Sequence[Object]:
        return [*self.initial, *self.main]

    @property
    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for container in self.main for port in container.get("ports", [])}


@dataclass(frozen=True)
class Rendering:
    overlay: str
    objects: list[Object]

    def all(self, kind: str) -> list[Object]:
        return [thing for thing in self.objects if thing["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        (found,) = [thing for thing in self.all(kind) if thing["metadata"]["name"] == name]
        return found

    def config(self, prefix: str = "bookmeup-config-") -> dict[str, str]:
        (found,) = [thing for thing in self.all("ConfigMap") if thing["metadata"]["name"].startswith(prefix)]
        data: dict[str, str] = found["data"]
        return data

    def pods(self) -> Iterator[Pod]:
        jobs = [{**owner, "spec": owner["spec"]["jobTemplate"]["spec"]} for owner in self.all("CronJob")]
        for owner in [*self.all("Deployment"), *self.all("Job"), *jobs]:
            template = owner["spec"]["template"]
            yield Pod(owner["metadata"]["name"], template["metadata"]["labels"], template["spec"])

    def pod(self, name: str) -> Pod:
        (found,) = [pod for pod in self.pods() if pod.name == name]
        return found

    def paths(self) -> Iterator[tuple[Object, Object]]:
        """Each path of each Ingress, with its rule."""
        for ingress in self.all("Ingress"):
            for rule in ingress["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    yield rule, path

    def backends(self) -> Iterator[tuple[str, int]]:
        """Each Service and port that the edge, whichever it is, sends requests to."""
        for _, path in self.paths():
            service = path["backend"]["service"]
            yield service["name"], service["port"]["number"]
        for route in self.all("HTTPRoute"):
            for rule in route["spec"]["rules"]:
                for backend in rule.get("backendRefs", []):
                    yield backend["name"], backend["port"]

    def replicas(self, deployment: str) -> int:
        """As many as there may be."""
        scalers = [s["spec"] for s in self.all("HorizontalPodAutoscaler")]
        most = [s["maxReplicas"] for s in scalers if s["scaleTargetRef"]["name"] == deployment]
        count: int = most[0] if most else self.one("Deployment", deployment)["spec"]["replicas"]
        return count


def matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()
