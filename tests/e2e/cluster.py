"""kubectl, and one environment of BookMeUp on the cluster."""

import json
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.e2e.settings import Settings
from tests.manifests.combinations import Combination, write

SERVICES = ("auth-service", "logic-service", "db-service")
DEPLOYMENTS = (*SERVICES, "postgres", "adminer")
MARK = "bookmeup-e2e"
"""A label of the namespaces that this suite made, and may therefore delete."""


def kubectl(*arguments: str, given: str | None = None, check: bool = True) -> str:
    result = subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=False)
    if check and result.returncode != 0:
        raise AssertionError(f"kubectl {' '.join(arguments)}\n{result.stdout}{result.stderr}")
    return result.stdout if check else result.stdout + result.stderr


def fetch(*arguments: str) -> Any:
    return json.loads(kubectl("get", *arguments, "-o", "json"))


def until(what: str, seconds: float, condition: Callable[[], bool], pause: float = 0.5) -> float:
    """Wait for the condition and say how long it took."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(pause)
    return time.monotonic() - start


def say(text: str) -> None:
    print(f"\n    {text}", end="", flush=True)  # noqa: T201 - the figures are the point


@dataclass(frozen=True)
class Environment:
    """An overlay on the cluster, in the namespace that it names."""

    overlay: str
    namespace: str
    folder: Path
    """A generated overlay of that overlay: other images, a mark, less CPU asked for."""

    def kubectl(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        return kubectl("-n", self.namespace, *arguments, given=given, check=check)

    def fetch(self, *arguments: str) -> Any:
        return fetch("-n", self.namespace, *arguments)

    def apply(self) -> str:
        return kubectl("apply", "-k", str(self.folder))

    def apply_again(self) -> str:
        """Apply over what may have another image: the Job of a minute ago would refuse that."""
        self.kubectl("delete", "job", "secrets", "--ignore-not-found")
        return self.apply()

    def declared(self) -> dict[str, Any]:
        """All that was applied, as the cluster has it, but for what the cluster itself keeps there."""
        found = fetch("--ignore-not-found", "-k", str(self.folder))["items"]
        for thing in found:
            del thing["metadata"]["resourceVersion"]
            thing.pop("status", None)
        return {f"{thing['kind']} {thing['metadata']['name']}": thing for thing in found if thing["kind"] != "Job"}

    def wait(self, *deployments: str, seconds: int = 300) -> float:
        """Until the new pods of each have replaced the old ones."""
        start = time.monotonic()
        try:
            for name in deployments or DEPLOYMENTS:
                self.kubectl("rollout", "status", f"deployment/{name}", f"--timeout={seconds}s")
        except AssertionError as error:
            raise AssertionError(
                f"{error}\n{self.kubectl('get', 'pods', '-o', 'wide')}\n{self.complaints()}\n{self.last_words()}"
            ) from error
        return time.monotonic() - start

    def complaints(self) -> str:
        return self.kubectl("get", "events", "--field-selector=type!=Normal", "--sort-by=.lastTimestamp")[-4000:]

    def last_words(self) -> str:
        """What the pods that are not ready have logged."""
        names = [name for app in DEPLOYMENTS for name in set(self.names(app)) - set(self.ready(app))]
        options = ("--all-containers", "--tail=30", "--prefix")
        return "\n".join(self.kubectl("logs", name, *options, check=False) for name in names)

    def pods(self, app: str | None = None) -> list[Any]:
        """All that are not on their way out."""
        found = self.fetch("pods", *([f"--selector=app={app}"] if app else []))["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def names(self, app: str) -> list[str]:
        return [pod["metadata"]["name"] for pod in self.pods(app)]

    def ready(self, app: str) -> list[str]:
        conditions = {p["metadata"]["name"]: p["status"].get("conditions", []) for p in self.pods(app)}
        return [
            name
            for name, states in conditions.items()
            if any(state["type"] == "Ready" and state["status"] == "True" for state in states)
        ]

    def restarts(self) -> dict[str, int]:
        """By pod, of those that serve: the Job's comes and goes."""
        return {
            pod["metadata"]["name"]: sum(
                status["restartCount"] for status in pod["status"].get("containerStatuses", [])
            )
            for pod in self.pods()
            if pod["metadata"]["labels"]["app"] != "secrets"
        }

    def secret(self) -> dict[str, str]:
        data = self.fetch("secret", "bookmeup-secrets").get("data", {})
        return {key: b64decode(value).decode() for key, value in data.items()}

    def sql(self, query: str) -> str:
        command = ["exec", "deployment/postgres", "-c", "postgres", "--", "psql", "-qXtA", "-c", query]
        return self.kubectl(*command).strip()

    def tables(self) -> list[str]:
        named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        return self.sql(named).splitlines()

    def fingerprint(self, tables: Sequence[str]) -> str:
        """One hash over all rows of these tables."""
        rows = [self.sql(f'SELECT t::text FROM "{table}" t ORDER BY 1') for table in tables]  # noqa: S608 - names of tables
        return sha256("\0".join(rows).encode()).hexdigest()[:16]


def generate(settings: Settings, combination: Combination, folder: Path) -> Path:
    """Write a small overlay of the combination. It changes what a test cluster needs changed and nothing else."""
    folder.mkdir(parents=True)
    write(combination, folder / "overlay")
    images = [
        {"name": name, **new_name(image)}
        for name, image in (
            ("bookmeup", settings.image),
            ("postgres", settings.postgres_image),
            ("adminer", settings.adminer_image),
        )
        if image
    ]
    # Three environments beside each other fit on two cores when they ask for less.
    less = [{"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": "20m"}]
    mark = [{"op": "add", "path": f"/metadata/labels/{MARK}", "value": "yes"}]
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["overlay"],
        "images": images,
        "patches": [
            {"target": {"kind": "Deployment"}, "patch": json.dumps(less)},
            {"target": {"kind": "Namespace"}, "patch": json.dumps(mark)},
        ],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(content, indent=1))
    return folder


def new_name(image: str) -> dict[str, str]:
    name, _, tag = image.rpartition(":")
    return {"newName": name, "newTag": tag}
